"""What is compared: each candidate stands between the load and the same upstream."""
# SPDX-License-Identifier: Apache-2.0

import os
import shutil
import subprocess

from process import Unavailable, free_port
from session import Session

SIZES = (1024, 20480)
SERVERS = {1024: "echo", 20480: "echo20"}

NGINX_CONF = """\
daemon off;
{user}worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/nginx.error.log warn;
events {{ worker_connections 4096; }}
http {{
	access_log off;
	client_body_temp_path {folder}/body;
	proxy_temp_path {folder}/proxy;
	fastcgi_temp_path {folder}/fastcgi;
	uwsgi_temp_path {folder}/uwsgi;
	scgi_temp_path {folder}/scgi;
	keepalive_timeout 600s;
	keepalive_requests 1000000000;
	client_body_buffer_size 64k;
{blocks}}}
"""
NGINX_BLOCK = """\
	upstream up{size} {{ server 127.0.0.1:{upstream}; keepalive 128; keepalive_requests 1000000000; }}
	server {{
		listen 127.0.0.1:{port};
		location / {{
			proxy_pass http://up{size};
			proxy_http_version 1.1;
			proxy_set_header Connection "";
		}}
	}}
"""
HAPROXY_CONF = """\
global
	nbthread 1
	maxconn 8192
defaults
	mode http
	option http-no-delay
	http-reuse always
	timeout client 600s
	timeout server 600s
	timeout connect 5s
"""
HAPROXY_BLOCK = """\
frontend f{size}
	bind 127.0.0.1:{port}
	default_backend b{size}
backend b{size}
	server s 127.0.0.1:{upstream}
"""


class Setting:
    """What every candidate needs to know."""

    def __init__(self, root, build, peers, folder, processes, revision, cpus):
        self.root, self.build, self.peers = root, build, peers
        self.folder, self.processes, self.revision = folder, processes, revision
        self.load_cpu, self.candidate_cpu = cpus
        self.upstream = {}

    def program(self, name):
        return os.path.join(self.build, "bench", f"bench_{name}")

    def start_upstreams(self):
        for size in SIZES:
            self.upstream[size] = self.start_upstream("--size", size)

    def start_upstream(self, *options):
        """One more of them; returns its port."""
        port = free_port()
        words = [str(option) for option in options]
        argv = [self.program("echo"), "--port", str(port), *words]
        self.processes.start(" ".join(["upstream", *words]), argv, self.load_cpu).wait_listening(port)
        return port


class Candidate:
    """Something that takes the load's requests. `ports` and `paths` are by size of message."""

    name = ""
    sizes = SIZES
    slow = False  # few requests, few cases
    session = Session  # how it is called
    expect = None  # what each of its answers holds, where it does not repeat the request's id
    sessions = None  # a file of session ids that the requests take in turn; None: all are of one session

    def __init__(self, setting):
        self.setting = setting
        self.processes = []
        self.ports = {size: free_port() for size in SIZES}
        self.path = dict.fromkeys(SIZES, "/mcp")
        self.token = None

    def start(self):
        raise NotImplementedError

    def version(self):
        return ""

    def launch(self, argv, label="", **options):
        label = f"{self.name} {label}".strip()
        process = self.setting.processes.start(label, argv, self.setting.candidate_cpu, **options)
        self.processes.append(process)
        return process

    def write(self, name, text):
        path = os.path.join(self.folder(), name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def folder(self):
        path = os.path.join(self.setting.folder, self.name)
        os.makedirs(path, exist_ok=True)
        return path

    def pids(self):
        return [pid for process in self.processes for pid in process.pids()]

    def upstream_pids(self):
        return [pid for process in self.processes for pid in process.upstreams()]

    def stop(self):
        for process in self.processes:
            self.setting.processes.end(process)
        self.processes = []


class Direct(Candidate):
    name = "direct"

    def start(self):
        self.ports = self.setting.upstream


class Relay(Candidate):
    name = "relay"

    def start(self):
        for size in SIZES:
            ports = [str(self.ports[size]), str(self.setting.upstream[size])]
            self.launch([self.setting.program("relay"), *ports], str(size)).wait_listening(self.ports[size])


def first_line(argv):
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return (done.stdout + done.stderr).strip().split("\n")[0]


def find_program(name, package):
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    if not path:
        raise Unavailable(f"{name} is not installed (package {package})")
    return path


class Nginx(Candidate):
    name = "nginx"

    def start(self):
        program = find_program("nginx", "nginx-light")
        blocks = "".join(
            NGINX_BLOCK.format(size=size, port=self.ports[size], upstream=self.setting.upstream[size])
            for size in SIZES
        )
        user = "user root;\n" if os.geteuid() == 0 else ""
        conf = self.write("nginx.conf", NGINX_CONF.format(user=user, folder=self.folder(), blocks=blocks))
        log = os.path.join(self.folder(), "start.log")
        process = self.launch([program, "-p", self.folder(), "-e", log, "-c", conf])
        for size in SIZES:
            process.wait_listening(self.ports[size])

    def version(self):
        return first_line([find_program("nginx", "nginx-light"), "-v"]).rpartition("/")[2]


class Haproxy(Candidate):
    name = "haproxy"

    def start(self):
        program = find_program("haproxy", "haproxy")
        blocks = "".join(
            HAPROXY_BLOCK.format(size=size, port=self.ports[size], upstream=self.setting.upstream[size])
            for size in SIZES
        )
        process = self.launch([program, "-db", "-q", "-f", self.write("haproxy.cfg", HAPROXY_CONF + blocks)])
        for size in SIZES:
            process.wait_listening(self.ports[size])

    def version(self):
        words = first_line([find_program("haproxy", "haproxy"), "-v"]).split()
        return words[2] if len(words) > 2 else ""


def kanmon_environment(folder):
    """A home of its own: nothing of the user's is read, nothing is left behind."""
    keep = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    for name, below in (
        ("HOME", "home"),
        ("XDG_CONFIG_HOME", "home/.config"),
        ("XDG_STATE_HOME", "home/.local/state"),
        ("XDG_DATA_HOME", "home/.local/share"),
        ("XDG_CACHE_HOME", "home/.cache"),
        ("XDG_RUNTIME_DIR", "run"),
    ):
        keep[name] = os.path.join(folder, below)
        os.makedirs(keep[name], mode=0o700, exist_ok=True)
    return keep


class Kanmon(Candidate):
    """The gateway with every check on, in front of the same HTTP upstream."""

    name = "kanmon"

    def server(self, size):
        return f"url: http://127.0.0.1:{self.setting.upstream[size]}/mcp"

    def servers(self):
        """What stands below `servers:`, each with every tool allowed."""
        return {SERVERS[size]: self.server(size) for size in SIZES}

    def settings(self):
        """Further lines of the config."""
        return ""

    def start(self):
        port = free_port()
        self.ports = dict.fromkeys(SIZES, port)
        self.path = {size: f"/mcp/{SERVERS[size]}" for size in SIZES}
        text = f"version: 1\nlisten: 127.0.0.1:{port}\n{self.settings()}servers:\n"
        for name, server in self.servers().items():
            text += f'  {name}:\n    {server}\n    tools: {{ allow: ["*"] }}\n'
        self.conf = self.write("kanmon.yaml", text)
        self.environment = kanmon_environment(self.folder())
        process = self.launch([self.program(), "serve", "-c", self.conf], env=self.environment, cwd=self.folder())
        process.wait_listening(port)
        self.token = self.make_token()

    def program(self):
        return os.path.join(self.setting.build, "kanmon")

    def make_token(self, name="bench"):
        argv = [self.program(), "token", "create", name, "-c", self.conf]
        try:
            done = subprocess.run(
                argv, env=self.environment, cwd=self.folder(), capture_output=True, text=True, timeout=10, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise Unavailable(f"{self.name}: token create did not end within 10 s") from error
        words = done.stdout.split()
        if done.returncode != 0 or not words:
            raise Unavailable(
                f"{self.name}: token create ended with status {done.returncode}: "
                f"{(done.stderr or done.stdout).strip()[:200] or 'nothing said'}"
            )
        return words[-1]

    def version(self):
        words = first_line([self.program(), "version"]).split()
        return words[-1] if words else ""


class KanmonStdio(Kanmon):
    """The same, with the server as a child that speaks through pipes."""

    name = "kanmon-stdio"

    def server(self, size):
        return f"run: {self.setting.program('echo')} --stdio --size {size}"
