#!/usr/bin/env bash
# Installs the system programs that some suites drive; without them those suites say so. Debian and Raspberry Pi OS, as root.
set -euo pipefail
needed=()
command -v mosquitto_sub >/dev/null || needed+=(mosquitto-clients)
command -v socat >/dev/null || needed+=(socat)
command -v swupdate >/dev/null || needed+=(swupdate)
command -v openssl >/dev/null || needed+=(openssl)
command -v strace >/dev/null || needed+=(strace)
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || needed+=(postgresql)
[ -d /usr/share/libonnx-testdata ] || needed+=(libonnx-testdata)
/usr/bin/python3 -c 'import flask' 2>/dev/null || needed+=(python3-flask)
/usr/bin/python3 -c 'import sklearn' 2>/dev/null || needed+=(python3-sklearn)
command -v gunicorn >/dev/null || needed+=(gunicorn)
[ ${#needed[@]} -eq 0 ] && exit 0
echo "installing: ${needed[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${needed[@]}" >/dev/null
