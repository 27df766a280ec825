/**
 * Completion scripts for shells: all that they offer stands in them, so that completing starts no
 * process.
 */
import type { Flag } from './command-line.ts'

interface CompletedCommand {
  /** One word, or two. */
  readonly name: string
  readonly about: string
  readonly flags: readonly Flag[]
  readonly takesFiles: boolean
  /** Whether settings of K2 are flags of it. */
  readonly takesSettings: boolean
}

type Script = (commands: readonly CompletedCommand[], settings: readonly string[]) => string

export const bashCompletion: Script = (commands, settings) => `# completion of k2 for bash
_k2() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD-1]}"
  local one="\${COMP_WORDS[1]}" two="\${COMP_WORDS[2]}" words="" files="" command
  local settings="${settings.join(' ')}"
  COMPREPLY=()
  # --flag=value comes as three words.
  if [ "$cur" = "=" ]; then
    cur=""
  elif [ "$prev" = "=" ]; then
    prev="\${COMP_WORDS[COMP_CWORD-2]}"
  fi
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${firstWords(commands).join(' ')} --help --version" -- "$cur"))
    return
  fi
  if [ "$COMP_CWORD" -eq 2 ]; then
    case "$one" in
${secondWords(commands)
  .map(([first, seconds]) => `      ${first}) words="${seconds.join(' ')}" ;;`)
  .join('\n')}
    esac
    if [ -n "$words" ]; then
      COMPREPLY=($(compgen -W "$words" -- "$cur"))
      [ \${#COMPREPLY[@]} -gt 0 ] && return
    fi
  fi
  words=""
  for command in "$one $two" "$one"; do
    case "$command" in
${commands.map(bashCase).join('\n')}
    esac
    [ -n "$words" ] && break
  done
  if [ -n "$words" ] && [ "\${cur#-}" != "$cur" ]; then
    COMPREPLY=($(compgen -W "$words --help $settings" -- "$cur"))
  elif [ -n "$files" ]; then
    COMPREPLY=($(compgen -f -- "$cur"))
  fi
}
complete -o filenames -F _k2 k2`

export const zshCompletion: Script = (commands, settings) => `# completion of k2 for zsh
autoload -U +X compinit && compinit -u
autoload -U +X bashcompinit && bashcompinit
${bashCompletion(commands, settings)}`

export const fishCompletion: Script = (commands, settings) =>
  [
    '# completion of k2 for fish',
    'complete -c k2 -e',
    'function __k2_at',
    '  set -l words (commandline -opc)',
    '  test "$words[2..-1]" = "$argv"',
    'end',
    'function __k2_in',
    '  set -l words (commandline -opc)',
    '  string match -q -- "$argv *" "$words[2..-1] "',
    'end',
    ...firstWords(commands).map((word) => {
      const about = commands.find(({ name }) => name === word)?.about ?? ''
      return `complete -c k2 -f -n "__k2_at ''" -a ${word} -d ${fishText(about)}`
    }),
    ...commands.flatMap((command) => fishLines(command)),
    'function __k2_settings',
    '  set -l words (commandline -opc)',
    `  not contains -- "$words[2]" ${bare(commands).join(' ')}`,
    'end',
    ...settings.map((name) => `complete -c k2 -n __k2_settings -l ${name.slice(2)} -r`)
  ].join('\n')

/** Words of those that settings are no flags of. */
const bare = (commands: readonly CompletedCommand[]): readonly string[] => [
  ...new Set(commands.flatMap((it) => (it.takesSettings ? [] : it.name.split(' ')[0]!)))
]

const firstWords = (commands: readonly CompletedCommand[]): readonly string[] => [
  ...new Set(commands.map(({ name }) => name.split(' ')[0]!))
]

const secondWords = (commands: readonly CompletedCommand[]) => {
  const words = new Map<string, string[]>()
  for (const { name } of commands) {
    const [first = '', second] = name.split(' ')
    if (second !== undefined) words.set(first, [...(words.get(first) ?? []), second])
  }
  return [...words]
}

const bashCase = ({ name, flags, takesFiles, takesSettings }: CompletedCommand): string => {
  const values = flags.flatMap(({ name: flag, values: all }) =>
    all === undefined
      ? []
      : [
          `          ${flag}) COMPREPLY=($(compgen -W "${all.join(' ')}" -- "$cur")); return ;;`
        ]
  )
  const known = flags.map((flag) => flag.name).join(' ')
  return [
    `      "${name}")`,
    [
      `        words="${known} "`,
      ...(takesFiles ? ['files=1'] : []),
      ...(takesSettings ? [] : ['settings=""'])
    ].join(' '),
    ...(values.length === 0 ? [] : ['        case "$prev" in', ...values, '        esac']),
    '        ;;'
  ].join('\n')
}

const fishLines = ({ name, flags, takesFiles }: CompletedCommand): readonly string[] => {
  const [first, second] = name.split(' ')
  return [
    ...(second === undefined ? [] : [`complete -c k2 -f -n "__k2_at ${first}" -a ${second}`]),
    ...(takesFiles ? [] : [`complete -c k2 -f -n "__k2_in ${name}"`]),
    ...flags.map(({ name: flag, value, values, about }) => {
      const all = values === undefined ? '' : ` -a ${fishText(values.join(' '))}`
      // No files where all values are known.
      const takes = value === undefined ? '' : values === undefined ? ' -r' : ' -x'
      return (
        `complete -c k2 -n "__k2_in ${name}" -l ${flag.slice(2)}${takes}${all} ` +
        `-d ${fishText(about)}`
      )
    })
  ]
}

const fishText = (text: string): string => `'${text.replaceAll(/[\\']/g, String.raw`\$&`)}'`
