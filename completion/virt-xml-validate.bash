# bash completion for virt-xml-validate. The program knows what there is to
# complete, and bash the files. It needs no other completion scripts.

_virt_xml_validate() {
    local candidate files=
    COMPREPLY=()
    while IFS=$'\t' read -r candidate _; do
        case $candidate in
        :files) files=-f ;;
        :directories) files=-d ;;
        *) COMPREPLY+=("$candidate") ;;
        esac
    done < <("$1" __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
    [[ -n $files ]] || return 0
    compopt -o filenames
    if [[ ${#COMPREPLY[@]} -gt 0 ]]; then
        mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen "$files" -- "$2")
    elif [[ $files = -d ]]; then
        compopt -o dirnames
    else
        compopt -o default
    fi
}

complete -F _virt_xml_validate virt-xml-validate
