# Sourced by ./riffle, ./test and .ci/run: checks what a build needs. Prints everything on standard error.

export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1

say() { printf '%s: %s\n' "${program:-riffle}" "$*" >&2; }

# Puts the dotnet command of the .NET 10 SDK on the PATH, or prints how to get it. The argument is the repository.
need_sdk() {
    if ! command -v dotnet >/dev/null && [ -x "${HOME:-}/.dotnet/dotnet" ]; then
        export DOTNET_ROOT="$HOME/.dotnet" PATH="$HOME/.dotnet:$PATH" # where dotnet-install.sh puts it
    fi
    local output='' status=0
    if command -v dotnet >/dev/null; then
        output=$(cd "$1" && dotnet --version 2>&1) || status=$?
        [ "$status" -ne 0 ] || return 0
    fi
    # 145 and 155: there is no SDK, or not the one in global.json. Another SDK would not help with anything else.
    case ${output:+$status} in
        '' | 145 | 155)
            say "the .NET 10 SDK is needed, but not installed. Get it from https://dotnet.microsoft.com/download/dotnet/10.0 or with"
            say "    curl -sSL https://dot.net/v1/dotnet-install.sh | bash -s -- --channel 10.0" ;;
        *)
            say "the dotnet command failed"
            if [ ! -d "${HOME:-}" ] || [ ! -w "$HOME" ]; then
                say "it needs a folder for its own files, but HOME is '${HOME:-}', which is not writable. Set HOME or DOTNET_CLI_HOME to a writable folder."
            fi ;;
    esac
    if [ -n "$output" ]; then
        say "$(command -v dotnet) reports:"
        printf '%s\n' "$output" >&2
    fi
    return 1
}

# libjpeg-turbo and libpng decode images. Installs a missing one with apt-get, or prints the command that installs it.
need_libraries() {
    case $(uname -s) in
        Darwin)
            for library in libturbojpeg libpng16; do
                [ -n "$(ls {/opt/homebrew,/usr/local,/opt/local}/{lib,opt/*/lib}/$library.*dylib 2>/dev/null)" ] && continue
                say "$library is missing. Install it with: brew install jpeg-turbo libpng"
                return 1
            done
            return 0 ;;
        Linux) ;;
        *) return 0 ;;
    esac

    local known packages=()
    known=$(PATH="$PATH:/usr/sbin:/sbin" ldconfig -p 2>/dev/null || true)
    case $known in *libturbojpeg.so.0*) ;; *) packages+=(libturbojpeg0) ;; esac
    case $known in *libpng16.so.16*) ;; *) packages+=(libpng16-16) ;; esac
    [ ${#packages[@]} -eq 0 ] && return 0

    if ! command -v apt-get >/dev/null; then
        say "libjpeg-turbo (libturbojpeg.so.0) or libpng (libpng16.so.16) is missing. Install both with this system's package manager,"
        say "for example: dnf install turbojpeg libpng"
        return 1
    fi
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        if ! command -v sudo >/dev/null; then
            say "${packages[*]} missing, and sudo is not available to install it. As root: apt-get install ${packages[*]}"
            return 1
        fi
        as_root=(sudo)
        [ -t 0 ] || as_root=(sudo -n) # no terminal to type a password
        say "${packages[*]} missing; installing through sudo"
    else
        say "${packages[*]} missing; installing"
    fi
    "${as_root[@]}" apt-get update -q >&2 || say "apt-get update failed; using the existing package lists"
    # Ubuntu's name for Debian's libturbojpeg0.
    if ! apt-cache show libturbojpeg0 >/dev/null 2>&1; then
        packages=("${packages[@]/libturbojpeg0/libturbojpeg}")
    fi
    if ! "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${packages[@]}" >&2; then
        say "could not install ${packages[*]}. As root: apt-get install ${packages[*]}"
        return 1
    fi
}
