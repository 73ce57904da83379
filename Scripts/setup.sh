#!/usr/bin/env bash
# Makes a Debian 12 machine ready to build recap: installs the system packages that are missing,
# as root or with sudo, and checks the Swift toolchain. Does nothing where all is there.
#
# Usage: Scripts/setup.sh [further Debian packages…]
set -euo pipefail

packages=(curl fonts-dejavu-core libopenblas-dev libpng-dev librsvg2-dev libsqlite3-dev libturbojpeg0-dev
  libzmq3-dev python3-venv "$@")
oldest_swift=6.2

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$status" = installed ] || missing+=("$package")
done

if [ ${#missing[@]} -gt 0 ]; then
  echo "Installing ${missing[*]}"
  as_root=()
  if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null; then
      echo "These Debian packages are missing: ${missing[*]}" >&2
      echo "Run 'make setup' as root, or install sudo." >&2
      exit 1
    fi
    as_root=(sudo)
  fi
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install --yes --no-install-recommends -qq "${missing[@]}"
fi

if ! command -v swift >/dev/null; then
  echo "Swift $oldest_swift or newer is needed, but there is no 'swift' on the PATH." >&2
  echo "https://www.swift.org/install/linux/ tells how to install it." >&2
  exit 1
fi
version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9.]*\).*/\1/p' | head -n 1)
if [ "$(printf '%s\n%s\n' "$oldest_swift" "$version" | sort --version-sort | head -n 1)" != "$oldest_swift" ]; then
  echo "Swift $oldest_swift or newer is needed, but $(command -v swift) is ${version:-of unknown version}." >&2
  echo "https://www.swift.org/install/linux/ tells how to install a newer one." >&2
  exit 1
fi
