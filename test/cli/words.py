# words.py - tests of what needs no gate: help, options, configs that are wrong, Japanese, completion.
# SPDX-License-Identifier: Apache-2.0
import shutil
import subprocess

from harness import Gate, contains, equal, ok, skip
from shown import shown

COMMANDS = ["serve", "run", "status", "token", "doctor", "explain", "completion", "version"]

WRONG = {
    "unknown-key": ('servers:\n  files:\n    run: files-server\n    tool: { alow: ["read_*"] }\n', "K102"),
    "not-yaml": ('servers:\n  files:\n    run: "files-server\n', "K101"),
    "wrong-kind": ("limits:\n  calls: many\n", "K103"),
    "wrong-value": ("servers:\n  wiki:\n    url: ftp://wiki.example/mcp\n", "K104"),
    "missing-key": ("servers:\n  files: { timeout: 30s }\n", "K105"),
    "twice": ("servers:\n  files: { run: files-server }\n  files: { run: files-server }\n", "K106"),
    "left-out": ("servers:\n  files:\n    run: files-server\n    env: { VERBOSE: yes }\n", "K108"),
    "wrong-name": ('servers:\n  "my files": { run: files-server }\n', "K110"),
    "several": ("listen-on: 127.0.0.1:1\nservers:\n  a: { ulr: http://a.example/ }\n  b: { run: b, era: old }\n", "K104"),
}


def test_help():
    gate = Gate()
    for command in COMMANDS:
        result = gate.run(command, "--help")
        equal(result.code, 0, f"{command} --help")
        ok(result.out.startswith(f"kanmon {command}") and "--help" in result.out and not result.err,
           f"{command} --help goes to stdout", result)
        equal(gate.run("help", command).out, result.out, f"help {command} is the same")
    top = gate.run("help")
    equal([c for c in COMMANDS if f"\n  {c} " not in top.out], [], "help names every command")
    equal(gate.run().out, top.out, "so does no command at all")
    contains(gate.run("help", "exit-codes").out, "69   no gate is running", "help exit-codes")
    equal(gate.run("--version").out, gate.run("version").out, "--version and version agree")
    equal(gate.run("-V").out, gate.run("version").out, "so does -V")
    contains(top.out, "\n  -V  ", "which help names")


def test_wrong_words():
    gate = Gate()
    for words, part in (
        (["fly"], "there is no command fly"),
        (["-c", "kanmon.yaml", "status"], "the option -c belongs after a command"),
        (["serv"], "there is no command serv; did you mean `serve`?"),
        (["help", "statsu"], "there is no command statsu; did you mean `status`?"),
        (["--vresion"], "there is no option --vresion; did you mean `--version`?"),
        (["--fast"], "there is no option --fast; see `kanmon help`"),
        (["--config=a", "status"], "the option --config=a belongs after a command"),
        (["--lang"], "--lang needs a value: en or ja"),
        (["--lang", "en", "--lang", "en"], "the option --lang was given twice"),
        (["version", "x"], "version takes no further words: x"),
        (["--version", "x"], "version takes no further words: x"),
        (["token", "list", "--scope", "mcp"], "the option --scope is for token create, not for token list"),
        (["token", "rotate", "x", "--expires", "1d"], "the option --expires is for token create, not for token rotate"),
        (["token", "revoke", "x", "--scope=mcp"], "the option --scope is for token create, not for token revoke"),
        (["--lang", "xx", "version"], "there is no language xx; there are en and ja"),
        (["--lang=", "version"], "there is no language"),
        (["serve", "--fast"], "there is no option --fast"),
        (["serve", "-c"], "the option --config needs a value"),
        (["serve", "--stdio=yes"], "the option --stdio takes no value"),
        (["serve", "-c", "a", "-c", "b"], "the option --config was given twice"),
        (["serve", "now"], "serve takes no further words: now"),
        (["run"], "run needs a command"),
        (["token"], "token needs one of"),
        (["token", "make", "x"], "token has no verb make"),
        (["token", "create"], "token create needs one name or id"),
        (["token", "create", "x", "--expires", "soon"], "--expires:"),
        (["token", "create", "x", "--scope", "all"], "--scope:"),
        (["token", "list", "-o", "xml"], "the output is text or json, not xml"),
        (["status", "now"], "status takes no further words"),
        (["doctor", "me"], "doctor takes no further words"),
        (["explain", "K000"], "there is no code K000"),
        (["completion", "ksh"], "completion needs one of"),
    ):
        result = gate.run(*words)
        ok(result.code == 2 and part in result.err and not result.out, f"refused: {' '.join(words)}", result)


def test_wrong_configs():
    gate = Gate()
    for name, (text, code) in WRONG.items():
        gate.write(text)
        result = gate.ask("serve")
        ok(result.code == 2 and f"error[{code}]" in result.err, f"{name}: {code}", result)
        shown(f"config-{name}", "kanmon serve", result.text, gate)
    gate.config.write_text("version: 2\n")
    shown("config-version", "kanmon serve", gate.ask("serve").text, gate)
    missing = gate.run("serve", "-c", "nowhere.yaml")
    ok(missing.code == 2 and "nowhere.yaml" in missing.err, "a config that is not there", missing)
    gate.write(WRONG["unknown-key"][0])
    for command in (["status"], ["token", "list"], ["run", "--", "true"]):
        result = gate.run(command[0], "-c", str(gate.config), *command[1:])
        ok(result.code == 2 and "error[K102]" in result.err, f"{command[0]} refuses a wrong config", result)
    doctor = gate.ask("doctor")
    ok(doctor.code == 3 and "error[K102]" in doctor.out and "✗ config" in doctor.out, "doctor shows it", doctor)


SECRET = "ghp_" + "a1B2" * 9

SECRETS = {
    "a header": f'servers:\n  a:\n    url: http://a.example/\n    headers: {{Authorization: "Bearer {SECRET}"}}\n',
    "an unknown key": f"servers:\n  a:\n    run: x\n    token: {SECRET}\n",
    "a variable that stands too far left": f"servers:\n  a:\n    run: x\n    env:\n    GITHUB_TOKEN: {SECRET}\n",
    "a variable behind a tab": f"servers:\n  a:\n    run: x\n    env:\n\tGITHUB_TOKEN: {SECRET}\n",
    "args": f'servers:\n  a:\n    command: npx\n    args: ["--api-key","{SECRET}"]\n',
    "a command line": f'servers:\n  a:\n    run: "x --token {SECRET} | tee"\n',
    "a plain word": f"servers:\n  a: {{ run: x {SECRET}, timeout: 5 }}\n",
    "a URL": f'servers:\n  a:\n    url: "https://u:{SECRET}@a.example/"\n',
}


def test_secrets():
    gate = Gate()
    for name, text in SECRETS.items():
        gate.write(text)
        for command in ("serve", "doctor", "status"):
            result = gate.ask(command)
            ok(result.code in (2, 3) and "error[K1" in result.text and SECRET[4:] not in result.text and "***" in result.text,
               f"{command}: {name} that holds a secret is masked", result)
    gate.write('servers:\n  a:\n    url: "http://127.0.0.1:1/mcp?api_key=opaque"\n    tools: { allow: ["*"] }\n')
    for words in ((), ("--servers",)):
        text = gate.ask("doctor", *words).text
        ok("http://127.0.0.1:1/mcp?***" in text and "opaque" not in text, f"doctor {' '.join(words)}: a URL without its query", text)


def test_japanese():
    gate = Gate()
    gate.write(WRONG["unknown-key"][0])
    result = gate.ask("serve", LANG="ja_JP.UTF-8")
    contains(result.err, "エラー[K102]", "a Japanese locale: Japanese")
    shown("config-unknown-key-ja", "LANG=ja_JP.UTF-8 kanmon serve", result.text, gate)
    for text, part in (
        ("servers:\n  a:\n    run: [x, y\n    timeout: 5s\n", "この括弧が閉じられていません"),
        ("servers:\n  a:\n    run: !<x y\n", "YAML として読めません: missing"),
        ("servers:\n  a: { command: npx }\n", "run: [コマンド, 引数…] と書いてください"),
    ):
        gate.write(text)
        contains(gate.ask("serve", LANG="ja_JP.UTF-8").err, part, f"Japanese: {part}")
    gate.write("servers: {}\n")
    contains(gate.run("--lang", "ja", "help").out, "すべての MCP メッセージが通る関門", "--lang ja")
    contains(gate.run("--lang=ja", "help").out, "すべての MCP メッセージが通る関門", "--lang=ja")
    contains(gate.run("--lang", "en", "help", LANG="ja_JP.UTF-8").out, "every MCP message", "--lang en wins")
    contains(gate.ask("status", KANMON_LANG="ja").err, "動いていません", "KANMON_LANG=ja")
    contains(gate.ask("doctor", LANG="ja_JP.UTF-8").out, "動いていません。アドレスは空いています", "doctor in Japanese")
    plain = gate.ask("doctor", LANG="C").out
    ok(plain.isascii() and " ok config " in plain, "doctor in a plain locale is ASCII", plain)


def complete_bash(script, *words):
    """What bash offers for the last word."""
    line = " ".join(f"'{w}'" for w in words)
    program = f"{script}\nCOMP_WORDS=({line})\nCOMP_CWORD={len(words) - 1}\n_kanmon\nprintf '%s\\n' \"${{COMPREPLY[@]}}\""
    done = subprocess.run(["bash", "--norc", "-c", program], capture_output=True)
    return done.stdout.decode().split(), done.stderr.decode()


def test_completion():
    gate = Gate()
    for shell in ("bash", "zsh", "fish"):
        script = gate.run("completion", shell).out
        missing = [c for c in COMMANDS if c not in script] + [v for v in ("rotate", "K102") if v not in script]
        equal(missing, [], f"{shell}: knows the commands, verbs and codes")
        if shutil.which(shell):
            done = subprocess.run([shell, "-n"], input=script.encode(), capture_output=True)
            ok(done.returncode == 0 and not done.stderr, f"{shell}: the script can be read", done.stderr.decode())
        else:
            skip(f"{shell}: the script can be read", f"{shell} is not installed")
    script = gate.run("completion", "bash").out
    equal(complete_bash(script, "kanmon", "st"), (["status"], ""), "bash completes a command")
    equal(complete_bash(script, "kanmon", "token", "r"), (["rotate", "revoke"], ""), "bash completes a verb")
    equal(complete_bash(script, "kanmon", "token", "list", "--ou"), (["--output"], ""), "bash completes an option")
    equal(complete_bash(script, "kanmon", "status", "-o", "j"), (["json"], ""), "bash completes a form")
    equal(complete_bash(script, "kanmon", "--lang", "ja", "doc"), (["doctor"], ""), "bash skips --lang")


def test_examples():
    """The config that the pages show is one."""
    gate = Gate()
    page = (gate.run("--gen-docs", str(gate.home / "docs")), (gate.home / "docs" / "reference" / "config.md").read_text())[1]
    gate.config.write_text(page.split("```yaml\n")[1].split("```")[0])
    contains(gate.ask("doctor", GITHUB_TOKEN="x").out, "; servers: 3", "the config in the reference is a good one")


TESTS = (test_help, test_wrong_words, test_wrong_configs, test_secrets, test_japanese, test_completion, test_examples)
