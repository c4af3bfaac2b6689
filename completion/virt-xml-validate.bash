# bash completion for virt-xml-validate. The program knows what there is to
# complete, and bash the files. It needs no other completion scripts.

_virt_xml_validate() {
    local candidate
    COMPREPLY=()
    while IFS=$'\t' read -r candidate _; do
        case $candidate in
        :files) compopt -o default -o filenames ;;
        :directories) compopt -o dirnames -o filenames ;;
        *) COMPREPLY+=("$candidate") ;;
        esac
    done < <("$1" __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
    # With candidates bash would not look for files: they are added here.
    if [[ ${#COMPREPLY[@]} -gt 0 ]] && compopt | grep -q -e '-o default'; then
        while IFS= read -r candidate; do
            COMPREPLY+=("$candidate")
        done < <(compgen -f -- "$2")
    fi
    [[ ${COMPREPLY[0]} != *= ]] || compopt -o nospace
}

complete -F _virt_xml_validate virt-xml-validate
