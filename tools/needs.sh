# needs.sh - what a Debian machine needs for Kanmon, and how it gets it. Sourced by ./up and ./check.
# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh

# An entry is a Debian package, or COMMAND:PACKAGE where any provider of the command will do.
BUILD_NEEDS="gcc:gcc libc6-dev meson:meson ninja:ninja-build pkg-config:pkg-config python3:python3
  libuv1-dev node-llhttp libsodium-dev libseccomp-dev libfyaml-dev libfyaml0 libsqlite3-dev libsqlite3-0
  libssl-dev libpcre2-dev libwslay-dev"
DEMO_NEEDS="node:nodejs npm:npm ca-certificates curl:curl"
CHECK_NEEDS="clang:clang clang-tidy:clang-tidy clang-format:clang-format libclang-rt-14-dev llvm-profdata:llvm
  valgrind:valgrind libc6-dbg libjansson-dev git:git setpriv:util-linux ps:procps ip:iproute2
  nginx:nginx-light haproxy:haproxy"

say()
{
	printf '%s\n' "$*"
}

fail()
{
	printf 'error: %s\n' "$*" >&2
	exit 1
}

has_command()
{
	command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ]
}

has_package()
{
	dpkg-query -W -f '${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed
}

# The packages among the arguments that are not there, by name.
missing_packages()
{
	for need in "$@"; do
		case $need in
		*:*) has_command "${need%%:*}" || printf '%s ' "${need#*:}" ;;
		*) has_package "$need" || printf '%s ' "$need" ;;
		esac
	done
}

# Installs what is missing: as root directly, else with sudo, else says the command and ends.
need_packages()
{
	if ! has_command dpkg-query; then
		say "  this is no Debian, so nothing is installed; needed are the likes of:"
		say "  $(echo "$@" | sed 's/[^ ]*://g')"
		return 0
	fi
	missing=$(missing_packages "$@")
	if [ -z "$missing" ]; then
		say "  everything is installed already"
		return 0
	fi
	as_root=
	if [ "$(id -u)" != 0 ]; then
		as_root="sudo"
		[ -t 0 ] || as_root="sudo -n"
		if ! has_command sudo || ! { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
			say "  missing: $missing"
			fail "this needs an administrator once. Run:
    apt-get update && apt-get install -y --no-install-recommends $missing"
		fi
	fi
	say "  installing: $missing"
	apt_log=$(mktemp)
	# shellcheck disable=SC2086  # both are lists of words
	if ! { $as_root env DEBIAN_FRONTEND=noninteractive apt-get update &&
		$as_root env DEBIAN_FRONTEND=noninteractive \
			apt-get install -y --no-install-recommends $missing; } >"$apt_log" 2>&1 </dev/null; then
		tail -n 20 "$apt_log"
		rm -f "$apt_log"
		fail "apt-get could not install: $missing"
	fi
	rm -f "$apt_log"
}

# Runs a long command quietly; says the end of what it printed where it fails. Argument 1: a log file.
quietly()
{
	quiet_log=$1
	shift
	if ! "$@" >"$quiet_log" 2>&1 </dev/null; then
		tail -n 30 "$quiet_log"
		fail "this failed: $* (all it said is in $quiet_log)"
	fi
}
