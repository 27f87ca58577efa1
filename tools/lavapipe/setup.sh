#!/usr/bin/env bash
# setup.sh [FOLDER] [--force]
#
# Sets up Mesa's lavapipe, a Vulkan driver that runs on the CPU, in FOLDER (default: lavapipe in layerloom's cache
# folder, where the engine finds it by itself). Needs no root and installs nothing elsewhere. From Mesa 26 on lavapipe
# has f16, subgroups and subgroup matrices, so it runs every kernel that a GPU runs, only slower.
#
#   FOLDER/run COMMAND...   runs any command with this driver as its only one (other programs than ours need it)
#
# For Debian 12 or later on x86-64. How: a private apt (own sources, lists and package database) fetches the driver from
# Debian 13's backports and every library it needs from Debian 12, so glibc and libstdc++ stay the system's. The driver
# was linked against glibc 2.38 for five functions that older ones have under another name; elf.mjs renames these
# imports. apt checks the archive's signatures and the packages' checksums.
#
# Environment: LAYERLOOM_CACHE      cache folder
#              LAYERLOOM_MIRROR     Debian mirror (default: the one in the machine's apt sources)
#              LAYERLOOM_MESA_SUITE suite to take the driver from (default trixie-backports)
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
suite=${LAYERLOOM_MESA_SUITE:-trixie-backports}
folder=
force=
for argument in "$@"; do
  case $argument in
    --force) force=1 ;;
    -*) echo "usage: setup.sh [FOLDER] [--force]" >&2; exit 2 ;;
    *) folder=$argument ;;
  esac
done
folder=${folder:-${LAYERLOOM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/layerloom}/lavapipe}

say() { printf 'lavapipe: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

[ "$(uname -sm)" = 'Linux x86_64' ] || die "this set-up is for Linux on x86-64"
for tool in apt-get dpkg-deb node ldd; do
  command -v "$tool" >/dev/null || die "$tool is missing: this set-up is for Debian with Node"
done
keys=/usr/share/keyrings/debian-archive-keyring.gpg
[ -r "$keys" ] || die "$keys is missing (package debian-archive-keyring)"
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
if [ -s "$folder/driver.json" ] && [ -z "$force" ]; then
  say "already set up in $folder"
  exit 0
fi
# A folder with other content may be a typing mistake, and parts of it would be replaced.
[ -e "$folder/.lavapipe" ] || [ -z "$(ls -A "$folder")" ] || die "$folder is not empty and was not made by this script"
touch "$folder/.lavapipe"
work=$(mktemp -d "$folder/.setup.XXXXXX")
trap 'rm -rf "$work"' EXIT

private_apt() {
  local mirror=${LAYERLOOM_MIRROR:-} name
  [ -n "$mirror" ] || mirror=$(apt-get indextargets --format '$(CREATED_BY) $(CODENAME) $(REPO_URI)' |
    awk '$1 == "Packages" && $2 !~ /security|updates/ && $3 ~ /\/debian\/?$/ { print $3; exit }')
  [ -n "$mirror" ] || die "apt's sources name no Debian mirror: set LAYERLOOM_MIRROR"
  mkdir -p "$work"/etc/preferences.d "$work"/state/lists/partial "$work"/cache/archives/partial
  : > "$work/state/status"
  for name in bookworm bookworm-backports "$suite"; do
    echo "deb [signed-by=$keys arch=amd64] $mirror $name main"
  done > "$work/etc/sources.list"
  # Only the driver itself, asked for by suite, comes from Debian 13.
  printf 'Package: *\nPin: release n=%s\nPin-Priority: -1\n' "$suite" > "$work/etc/preferences"
  cat > "$work/apt.conf" <<CONF
Dir::Etc "$work/etc"; Dir::Etc::sourcelist "$work/etc/sources.list"; Dir::Etc::sourceparts "/dev/null";
Dir::Etc::parts "/dev/null"; Dir::Etc::main "/dev/null";
Dir::State "$work/state"; Dir::State::status "$work/state/status"; Dir::Cache "$work/cache";
APT::Architecture "amd64"; APT::Sandbox::User ""; APT::Install-Recommends "false"; Debug::NoLocking "true";
APT::Keep-Downloaded-Packages "true"; Acquire::Languages "none"; Acquire::Retries "3";
Acquire::Check-Valid-Until "false"; // signatures count all the same; a mirror that lags serves lists past their date
CONF
  export APT_CONFIG=$work/apt.conf
  say "package lists"
  apt-get -qq update
}

fetch_driver() {
  say "driver"
  mkdir "$work/driver"
  (cd "$work/driver" && apt-get -qq download "mesa-vulkan-drivers/$suite")
  dpkg-deb -x "$work"/driver/*.deb "$work/driver"
  driver=$work/driver/usr/lib/x86_64-linux-gnu/libvulkan_lvp.so
  version=$(dpkg-deb -f "$work"/driver/*.deb Version)
  llvm=$(node "$here/elf.mjs" lower-glibc "$driver") || die "this driver cannot be adapted: try another LAYERLOOM_MESA_SUITE"
}

fetch_libraries() {
  say "libraries (LLVM $llvm)"
  apt-get -qq -y -t bookworm-backports --download-only install "libllvm$llvm" libvulkan1 libdisplay-info2 libdrm2 \
    libexpat1 libwayland-client0 libx11-xcb1 libxcb-dri3-0 libxcb-present0 libxcb-randr0 libxcb-shm0 libxcb-sync1 \
    libxcb-xfixes0 libxshmfence1 libzstd1 zlib1g >/dev/null || die "Debian 12 lacks a library that this driver needs"
  mkdir "$work/packages" "$work/new" "$work/new/lib"
  local package
  for package in "$work"/cache/archives/*.deb; do
    case ${package##*/} in
      libc6_* | libgcc-s1_* | libstdc++6_* | gcc-*) ;; # the process has these already
      *) dpkg-deb -x "$package" "$work/packages" ;;
    esac
  done
  find "$work/packages" -path '*/x86_64-linux-gnu/lib*.so*' ! -name 'libicutest*' -exec cp -Pt "$work/new/lib" {} +
  cp "$driver" "$work/new/lib/"
  local missing
  missing=$(LD_LIBRARY_PATH=$work/new/lib ldd "$work/new/lib/libvulkan_lvp.so" 2>&1 | grep 'not found' || true)
  [ -z "$missing" ] || die "the driver does not load: $missing"
}

put_in_place() {
  printf '{"file_format_version":"1.0.1","ICD":{"library_path":"./lib/libvulkan_lvp.so","api_version":"1.4.0"}}\n' \
    > "$work/new/lvp_icd.json"
  cat > "$work/new/run" <<'RUN'
#!/bin/sh
# run COMMAND...: with the lavapipe of this folder as the only Vulkan driver
folder=$(cd "$(dirname "$0")" && pwd)
export LD_LIBRARY_PATH="$folder/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
export VK_DRIVER_FILES="$folder/lvp_icd.json" VK_ICD_FILENAMES="$folder/lvp_icd.json"
exec "$@"
RUN
  chmod 755 "$work/new/run"
  node "$here/elf.mjs" record "$work/new" "$version" > "$work/driver.json"
  rm -rf "$folder/driver.json" "$folder/lib" "$folder/run" "$folder/lvp_icd.json"
  mv "$work"/new/* "$folder/"
  mv "$work/driver.json" "$folder/" # last: marks a complete set-up
}

private_apt
fetch_driver
fetch_libraries
put_in_place
say "Mesa $version in $folder"
