#compdef davit
# Completion of davit for zsh. After compinit in ~/.zshrc:  source <(davit completion zsh)
_davit() {
  local line word
  local -a lines described
  lines=("${(@f)$("${~words[1]}" __complete zsh "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)}")
  if [[ $lines[1] == files ]]; then
    [[ $PREFIX == --*=* ]] && compset -P '*='
    _files
    return
  fi
  for line in "${(@)lines[2,-1]}"; do
    # Between a word and its description _describe wants a colon, so those in the word are escaped.
    word=${${line%%$'\t'*}//:/\\:}
    [[ $line == *$'\t'* ]] && word+=":${line#*$'\t'}"
    described+=("$word")
  done
  _describe -t davit 'davit' described
}
if [ "$funcstack[1]" = _davit ]; then _davit "$@"; else compdef _davit davit; fi
