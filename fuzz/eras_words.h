/* eras_words.h - what is said on the stage of fuzz_eras.c; the input chooses. */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/span.h"

#define META_OF(capabilities, more)                                                                          \
	"\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","                             \
	"\"io.modelcontextprotocol/clientCapabilities\":" capabilities more "}"
#define ALL "{\"sampling\":{},\"roots\":{},\"elicitation\":{\"form\":{},\"url\":{}}}"
#define META META_OF(ALL, "")
#define FORM                                                                                                 \
	"\"message\":\"Name?\",\"requestedSchema\":{\"type\":\"object\",\"properties\":{\"n\":{\"type\":"    \
	"\"string\"}}}"
#define SUBSCRIPTION "io.modelcontextprotocol/subscriptionId"

static const struct {
	const char *method, *params;
} legacy_texts[] = {
	{ "tools/call", "\"name\":\"t\",\"arguments\":{}" },
	{ "tools/call", "\"name\":\"new__t\",\"_meta\":{\"progressToken\":\"p\"}" },
	{ "tools/call", "\"name\":\"t\",\"_meta\":{\"progressToken\":7},\"task\":{}" },
	{ "prompts/get", "\"name\":\"p\"" },
	{ "resources/read", "\"uri\":\"x://a\"" },
	{ "resources/subscribe", "\"uri\":\"x://a\"" },
	{ "resources/subscribe", "\"uri\":\"x://b\"" },
	{ "resources/unsubscribe", "\"uri\":\"x://a\"" },
	{ "logging/setLevel", "\"level\":\"info\"" },
	{ "completion/complete",
	  "\"ref\":{\"type\":\"ref/prompt\",\"name\":\"p\"},\"argument\":{\"name\":\"a\",\"value\":\"\"}" },
	{ "prompts/list", "\"_meta\":{}" },
	{ "tools/list", "\"_meta\":{}" },
	{ "resources/list", "\"cursor\":\"c\"" },
	{ "ping", "" },
	{ "tools/call", "\"name\":\"t\",\"requestState\":\"x\",\"inputResponses\":{}" },
	{ "tasks/get", "\"taskId\":\"1\"" },
};

static const struct {
	const char *method, *params;
} modern_texts[] = {
	{ "tools/call", "\"name\":\"t\",\"arguments\":{}," META },
	{ "tools/call", "\"name\":\"old__t\"," META_OF(ALL, ",\"progressToken\":\"p\"") },
	{ "tools/call",
	  "\"name\":\"t\"," META_OF("{\"roots\":{}}", ",\"io.modelcontextprotocol/logLevel\":\"info\"") },
	{ "prompts/get", "\"name\":\"p\"," META },
	{ "resources/read", "\"uri\":\"x://a\"," META },
	{ "subscriptions/listen",
	  "\"notifications\":{\"toolsListChanged\":true,\"resourceSubscriptions\":[\"x://a\",\"x://b\"]}," META },
	{ "subscriptions/listen", "\"notifications\":{\"promptsListChanged\":true}," META },
	{ "subscriptions/listen", "\"notifications\":{\"resourceSubscriptions\":[\"x://a\"]}," META },
	{ "tools/list", META },
	{ "server/discover", META },
	{ "completion/complete",
	  "\"ref\":{\"type\":\"ref/prompt\",\"name\":\"p\"},\"argument\":{\"name\":\"a\",\"value\":\"\"}," META },
	{ "prompts/list", META },
	{ "resources/list", META },
	{ "tools/call", "\"name\":\"t\"," META_OF(ALL, ",\"io.modelcontextprotocol/logLevel\":\"error\"") },
};

static const char *const asks[] = {
	("\"elicitation/create\",\"params\":{" FORM "}"),
	"\"elicitation/create\",\"params\":{\"mode\":\"url\",\"message\":\"m\",\"url\":\"https://a\",\"elicitationId\":\"1\"}",
	"\"roots/list\"",
	"\"sampling/createMessage\",\"params\":{\"messages\":[{\"role\":\"user\",\"content\":{\"type\":\"text\",\"text\":\"a\"}}],\"maxTokens\":1}",
	"\"ping\"",
	"\"tools/list\"",
	"\"roots/list\",\"params\":{\"_meta\":{\"progressToken\":1}}",
};

static const char *const notices[] = {
	"tools/list_changed\"",
	"prompts/list_changed\"",
	"resources/list_changed\"",
	"resources/updated\",\"params\":{\"uri\":\"x://a\"}",
	"resources/updated\",\"params\":{\"uri\":\"x://b/c\"}",
	"message\",\"params\":{\"level\":\"info\",\"data\":1}",
	"message\",\"params\":{\"level\":\"error\",\"data\":1,\"_meta\":{\"io.modelcontextprotocol/x\":1}}",
	"elicitation/complete\",\"params\":{\"elicitationId\":\"1\"}",
	"tasks/status\",\"params\":{\"taskId\":\"1\",\"status\":\"working\"}",
	"cancelled\",\"params\":{\"requestId\":1000001}",
	"cancelled\",\"params\":{\"requestId\":2}",
};

static const char *const ends[] = {
	"\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"a\"}]}",
	"\"result\":{\"resultType\":\"complete\",\"content\":[],\"structuredContent\":[1]}",
	"\"result\":{\"resultType\":\"input_required\",\"inputRequests\":{\"a\":{\"method\":\"roots/list\"}},\"requestState\":\"s\"}",
	("\"result\":{\"resultType\":\"input_required\",\"inputRequests\":{\"a\":{\"method\":\"elicitation/create\",\"params\":{" FORM
	 "}},\"b\":{\"method\":\"roots/list\"}}}"),
	"\"result\":{\"resultType\":\"input_required\",\"requestState\":\"s\"}",
	"\"result\":{\"resultType\":\"input_required\",\"inputRequests\":{\"a\":7}}",
	"\"error\":{\"code\":-32042,\"message\":\"m\",\"data\":{\"elicitations\":[{\"mode\":\"url\",\"elicitationId\":\"1\",\"url\":\"https://a\",\"message\":\"m\"}]}}",
	"\"error\":{\"code\":-32002,\"message\":\"m\",\"data\":{\"uri\":\"x://a\"}}",
	"\"error\":{\"code\":-32021,\"message\":\"m\"}",
	"\"result\":{}",
	"\"result\":{\"contents\":[{\"uri\":\"x://a\",\"text\":\"a\"}]}",
	"\"result\":{\"resources\":[{\"uri\":\"x://a\",\"name\":\"a\"}]}",
	"\"result\":{\"prompts\":[{\"name\":\"p\"}]}",
	"\"result\":{\"messages\":[{\"role\":\"user\",\"content\":{\"type\":\"audio\",\"data\":\"AA==\",\"mimeType\":\"a/b\"}}]}",
	"\"error\":{\"code\":-32601,\"message\":\"m\"}",
	("\"result\":{\"resultType\":7,\"_meta\":{\"" SUBSCRIPTION "\":1}}"),
};

static const char *const responses[] = {
	"",
	"\"ask-1\":{\"action\":\"accept\",\"content\":{\"n\":\"x\"}}",
	"\"ask-1\":{\"roots\":[]},\"ask-2\":{\"roots\":[]}",
	"\"ask-1\":{\"role\":\"assistant\",\"model\":\"m\",\"content\":{\"type\":\"text\",\"text\":\"a\"}}",
	"\"url-1\":{\"action\":\"accept\"},\"ask-2\":{\"action\":\"decline\"}",
	"\"url-1\":{\"action\":\"decline\"},\"a\":7",
};

static const char *const answers[] = {
	"\"result\":{\"action\":\"accept\",\"content\":{\"n\":\"x\"}}",
	"\"result\":{\"roots\":[]}",
	"\"error\":{\"code\":-1,\"message\":\"no\"}",
	"\"result\":{\"role\":\"assistant\",\"model\":\"m\",\"content\":{\"type\":\"text\",\"text\":\"a\"}}",
	"\"result\":{}",
};
