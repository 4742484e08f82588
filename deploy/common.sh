# What the scripts of this folder share; they source it.
# shellcheck shell=bash

here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
export COMPOSE_PROJECT_NAME=${COMPOSE_PROJECT_NAME:-sheaf}
export SHEAF_SECRETS=${SHEAF_SECRETS:-$here/secrets}

# Says what is wrong and what to do, as `sheaf` does, and ends with its exit code for "could not begin".
fail() {
    printf 'error: %s\n\nhint: %s\n' "$1" "$2" >&2
    exit 3
}

# Sets `compose` to the command of Compose on the file of this folder, once it is certain that the engine answers.
find_compose() {
    local said
    command -v docker >/dev/null ||
        fail "there is no \`docker\` on this machine" "install Docker Engine; on Debian: apt-get install docker.io docker-compose"
    if ! said=$(docker version --format '{{.Server.Version}}' 2>&1); then
        case $said in
            *"permission denied"*)
                fail "this user may not use the Docker engine" \
                    "put sudo in front, or: sudo usermod -aG docker $(id -un), and log in again" ;;
            *) fail "the Docker engine does not answer: ${said##*$'\n'}" "sudo systemctl start docker" ;;
        esac
    fi
    if docker compose version >/dev/null 2>&1; then
        compose=(docker compose)
    elif command -v docker-compose >/dev/null; then
        compose=(docker-compose)
    else
        fail "Docker Compose is missing" "install docker-compose-plugin (v2) or docker-compose (1.29)"
    fi
    compose+=(--project-directory "$here" --file "$here/docker-compose.yml")
    ! has_bytes || compose+=(--profile bytes)
    SHEAF_ROOT=$(setting SHEAF_ROOT)
    if [ -n "$SHEAF_ROOT" ]; then
        [ -d "$SHEAF_ROOT" ] || fail "SHEAF_ROOT is no folder: \`$SHEAF_ROOT\`" "name one of this machine, or leave it out"
        SHEAF_ROOT=$(realpath "$SHEAF_ROOT")
        export SHEAF_ROOT
        compose+=(--file "$here/docker-compose.root.yml")
    fi
}

# The value of a variable as Compose reads it: from the environment, or else from `.env`.
setting() {
    printf '%s' "${!1-$(sed -n "s/^$1=//p" "$here/.env" 2>/dev/null)}"
}

# Whether the bytes have servers of their own.
has_bytes() { [ -n "$(setting SHEAF_REDIS_BYTES)" ]; }

# Of which commit these sources are, `20261128.1a2b3c4d`, as `sheaf --version` says it (common/build.rs); nothing if that is
# a release, or there is no repository.
commit_of_sources() {
    local release
    [ "$(git -C "$here" rev-parse --show-toplevel 2>/dev/null)" = "$(readlink -f "$here/..")" ] || return 0
    release=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' "$here/../Cargo.toml")
    git -C "$here" tag --points-at HEAD 2>/dev/null | grep -qxF -e "v$release" -e "$release" && return 0
    TZ=UTC git -C "$here" log -1 --abbrev=8 --date=format-local:%Y%m%d --format=%cd.%h
}

# A random word that nobody guesses.
secret() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }

# Makes what is not there yet: a password for each side, Redis' list of users, which holds only their hashes, and the
# tokens of the service.
make_secrets() {
    local side user hash users script=() umask
    umask=$(umask)
    umask 077
    mkdir -p "$SHEAF_SECRETS"
    for side in coordinator worker; do
        [ -e "$SHEAF_SECRETS/$side.env" ] || printf 'SHEAF_REDIS_USER=sheaf-%s\nSHEAF_REDIS_PASSWORD=%s\n' \
            "$side" "$(secret)" >"$SHEAF_SECRETS/$side.env"
        hash=$(sed -n 's/^SHEAF_REDIS_PASSWORD=//p' "$SHEAF_SECRETS/$side.env" | tr -d '\n' | sha256sum | cut -d' ' -f1)
        script+=(-e "s/>CHANGE-ME-${side^^}/#$hash/")
    done
    [ -e "$SHEAF_SECRETS/service.env" ] ||
        printf 'SHEAF_TOKEN=%s\nSHEAF_READ_TOKEN=%s\n' "$(secret)" "$(secret)" >"$SHEAF_SECRETS/service.env"
    users=$(
        sed "${script[@]}" "$here/users.acl"
        echo "user default reset"
        echo "user health on nopass resetkeys resetchannels -@all +ping"
    )
    if [ "$users" != "$(cat "$SHEAF_SECRETS/users.acl" 2>/dev/null)" ]; then
        printf '%s\n' "$users" >"$SHEAF_SECRETS/users.acl"
        # Redis reads it as another user; the folder keeps everybody else out.
        chmod 644 "$SHEAF_SECRETS/users.acl"
    fi
    umask "$umask"
    SHEAF_USERS=$(sha256sum <"$SHEAF_SECRETS/users.acl" | cut -c1-16)
    export SHEAF_USERS
}

# The running containers of a service.
running() {
    docker ps --quiet --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME" \
        --filter "label=com.docker.compose.service=$1" --filter "label=com.docker.compose.oneoff=False" "${@:2}"
}
