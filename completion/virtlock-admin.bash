# bash completion for virtlock-admin. The program knows all there is to
# complete; this only asks it. It needs no other completion scripts.

_virtlock_admin() {
    local candidate
    COMPREPLY=()
    while IFS= read -r candidate; do
        COMPREPLY+=("$candidate")
    done < <("$1" __complete --breaks="$COMP_WORDBREAKS" --line="${COMP_LINE:0:COMP_POINT}" 2>/dev/null)
}

# The program puts the blank after a word that is complete.
complete -o nospace -F _virtlock_admin virtlock-admin
