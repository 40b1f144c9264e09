# Completion of davit for fish:  davit completion fish > ~/.config/fish/completions/davit.fish
function __davit_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l lines ($words[1] __complete fish $words[2..-1] "$current" 2>/dev/null)
    if test "$lines[1]" = files
        set -l prefix (string match -r -- '^--[^=]*=' $current)
        for path in (__fish_complete_path (string replace -- "$prefix" '' $current))
            printf '%s%s\n' "$prefix" $path
        end
    else if test (count $lines) -gt 1
        printf '%s\n' $lines[2..-1]
    end
end
complete -c davit -f -a '(__davit_complete)'
