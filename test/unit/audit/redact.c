/* redact.c - what looks like a secret, and what only sounds like one. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "audit/redact.h"

#include "base/cleanup.h"
#include "tap.h"

static const struct span secret_names[] = {
	SPAN("password"),
	SPAN("Password"),
	SPAN("dbPassword"),
	SPAN("user_passwd"),
	SPAN("PASSPHRASE"),
	SPAN("secret"),
	SPAN("client-secret"),
	SPAN("clientSecretValue"),
	SPAN("token"),
	SPAN("access_token"),
	SPAN("tokens"),
	SPAN("x-auth-token"),
	SPAN("api_key"),
	SPAN("apikey"),
	SPAN("X-Api-Key"),
	SPAN("OPENAI_API_KEY"),
	SPAN("aws_secret_access_key"),
	SPAN("Authorization"),
	SPAN("proxy-authorization"),
	SPAN("Cookie"),
	SPAN("Set-Cookie"),
	SPAN("private_key"),
	SPAN("privateKeyPem"),
	SPAN("credentials"),
	SPAN("pwd"),
	SPAN("PW"),
	SPAN("auth"),
	SPAN("otp"),
	SPAN("jwt"),
	SPAN("session_id"),
	SPAN("connection string"),
	SPAN("p a s s w o r d"),
};

static const struct span plain_names[] = {
	SPAN(""),	 SPAN("path"),	      SPAN("query"),   SPAN("name"),   SPAN("author"),
	SPAN("authors"), SPAN("key"),	      SPAN("keyword"), SPAN("monkey"), SPAN("passenger"),
	SPAN("compass"), SPAN("bypass"),      SPAN("content"), SPAN("cook"),   SPAN("tok"),
	SPAN("pwdx"),	 SPAN("description"), SPAN("_-_"),
};

#define HEX40 "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b"
#define RANDOM40 "aZ3kQ9vXm2LpT7wRb5NcY8dJf4HgS6eKu1WiVoEx"

static const struct {
	const char *name;
	struct span text;
} secrets[] = {
	{ "a GitHub token", SPAN("ghp_16C7e42F292c6912E7710c838347Ae178B4a") },
	{ "one in a sentence", SPAN("use ghp_16C7e42F292c6912E7710c838347Ae178B4a, please") },
	{ "one in quotes", SPAN("\"ghp_16C7e42F292c6912E7710c838347Ae178B4a\"") },
	{ "one behind a dash", SPAN("x-ghp_16C7e42F292c6912E7710c838347Ae178B4a") },
	{ "a fine-grained one", SPAN("github_pat_11ABCDEFG0abcdefghij_klmnop") },
	{ "a key of a model", SPAN("sk-proj-abcdefghijklmnop") },
	{ "a Slack token", SPAN("xoxb-123456789012-abc") },
	{ "an AWS key", SPAN("AKIAIOSFODNN7EXAMPLE") },
	{ "a Google key", SPAN("AIzaSyA1234567890abcdefghijklmnopqrstuv") },
	{ "one of ours", SPAN("kmn_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8_1iqKfL") },
	{ "a JSON web token", SPAN("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl") },
	{ "a private key", SPAN("-----BEGIN RSA PRIVATE KEY-----\nMIIE") },
	{ "a login in a URL", SPAN("postgres://app:hunter2@db.internal:5432/x") },
	{ "a bearer header", SPAN("Authorization: Bearer abc123def") },
	{ "a bearer alone", SPAN("bearer abcdefghijklmnopqr") },
	{ "basic credentials", SPAN("Basic dXNlcjpwYXNzd29yZA==") },
	{ "an assignment", SPAN("password=hunter2") },
	{ "one with spaces", SPAN("set DB_PASSWORD = hunter2 now") },
	{ "one in JSON", SPAN("{\"api_key\": \"x1\"}") },
	{ "one in JSON in JSON", SPAN("{\\\"token\\\":\\\"x1\\\"}") },
	{ "a connection string", SPAN("Server=db;User Id=sa;Password=pw;") },
	{ "a query", SPAN("https://x.example/?a=1&access_token=abc") },
	{ "a flag", SPAN("mysql --password hunter2") },
	{ "forty hex digits", SPAN(HEX40) },
	{ "them in upper case", SPAN("9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B") },
	{ "random letters and digits", SPAN(RANDOM40) },
	{ "random base64 with a slash", SPAN("wJalrXUtnFEMI/K7MDENG1bPxRfiCYzEXAMP9LEKEYq2") },
	{ "random in a path", SPAN("/srv/data/tmp/in/" RANDOM40 "/x") },
	{ "random without upper case", SPAN("a3k9vx2m7lpt4wr5bnc8ydj6fhg1sek0uiw3voexz") },
};

static const struct {
	const char *name;
	struct span text;
} plain[] = {
	{ "nothing", SPAN("") },
	{ "a word", SPAN("hello") },
	{ "a sentence", SPAN("Please list the files in the folder and count them.") },
	{ "a path", SPAN("/home/alice/Projects2024/GatewayService/src/main/java/App.java") },
	{ "a path of Windows", SPAN("C:\\Users\\Alice\\Documents\\Report 2024 Final (2).docx") },
	{ "a URL", SPAN("https://github.com/modelcontextprotocol/servers/blob/main/README.md") },
	{ "a URL with a port", SPAN("http://localhost:8080/a@b") },
	{ "an address", SPAN("mail alice@example.org: done") },
	{ "a UUID", SPAN("3f2504e0-4f89-11d3-9a0c-0305e82c3301") },
	{ "a date", SPAN("2026-11-21T09:07:35.123Z") },
	{ "a camel", SPAN("getUserAccountBalanceByAccountIdentifier2") },
	{ "a snake", SPAN("list_all_open_pull_requests_of_repository_2024") },
	{ "a screenshot", SPAN("Screenshot_2024-05-01_at_12.30.45_of_the_desktop.png") },
	{ "SQL", SPAN("SELECT id, name FROM users WHERE created > '2024-01-01' ORDER BY id") },
	{ "a long word", SPAN("Donaudampfschifffahrtselektrizitaetenhauptbetriebswerk") },
	{ "digits", SPAN("12345678901234567890123456789012345678901234567890") },
	{ "dashes", SPAN("----------------------------------------------------------------") },
	{ "scikit-learn", SPAN("pip install sk-learn==1.2") },
	{ "task lists", SPAN("task-force risk-assessment disk-usage-report-of-the-day") },
	{ "the word alone", SPAN("what is a password") },
	{ "basic information", SPAN("Basic information about the host") },
	{ "Japanese",
	  SPAN("\xe3\x83\x95\xe3\x82\xa1\xe3\x82\xa4\xe3\x83\xab\xe3\x82\x92\xe8\xaa\xad\xe3\x82\x80") },
	{ "half a character", SPAN("\xe3\x83") },
	{ "a mark alone", SPAN("ghp_ and sk- and AKIA and eyJ") },
};

int main(void)
{
	for (size_t i = 0; i < COUNT(secret_names); i++)
		ok(redact_is_secret_name(secret_names[i]), "a secret's name: %.*s",
		   SPAN_ARG(secret_names[i]));
	for (size_t i = 0; i < COUNT(plain_names); i++)
		ok(!redact_is_secret_name(plain_names[i]), "no secret's name: %.*s",
		   SPAN_ARG(plain_names[i]));
	ok(redact_is_count_name(S("max_tokens")) && redact_is_count_name(S("tokenCount")), "counts");
	ok(!redact_is_count_name(S("token")) && !redact_is_count_name(S("tokens_file")), "no counts");
	for (size_t i = 0; i < COUNT(secrets); i++)
		ok(redact_has_secret(secrets[i].text), "found: %s", secrets[i].name);
	for (size_t i = 0; i < COUNT(plain); i++)
		ok(!redact_has_secret(plain[i].text), "left alone: %s", plain[i].name);
	return tap_done();
}
