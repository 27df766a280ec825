/** What bash makes of the completion script. */
import { spawnSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { k2 } from '../support/k2-command.ts'

const script = await k2('completion', 'bash')

/** What bash offers for the last of these words. */
const offered = (...words: readonly string[]): readonly string[] => {
  const { status, stdout, stderr } = spawnSync('bash', ['--norc', '-c', completing, ...words], {
    encoding: 'utf8',
    env: { ...process.env, SCRIPT: script.printed }
  })
  expect([status, stderr]).toEqual([0, ''])
  return stdout.split('\n').filter((line) => line !== '')
}
const completing = `eval "$SCRIPT"; COMP_WORDS=("$0" "$@"); COMP_CWORD=$#; _k2
  printf '%s\\n' "\${COMPREPLY[@]}"`

describe('bash', () => {
  test('commands, and their second words', () => {
    expect(offered('k2', '')).toEqual(
      expect.arrayContaining(['query', 'sql', 'load', 'status', 'start', 'chaos', '--help'])
    )
    expect(offered('k2', 'dr')).toEqual(['drain'])
    expect(offered('k2', 'query', 't')).toEqual(['trades'])
    expect(offered('k2', 'level', '')).toEqual(['show', 'inject', 'clear'])
    expect(offered('k2', 'completion', '')).toEqual(['bash', 'zsh', 'fish'])
  })

  test('flags of the command, and settings', () => {
    const flags = offered('k2', 'query', 'trades', '--s')
    expect(flags).toEqual(expect.arrayContaining(['--symbol', '--start', '--snapshots-max']))
    expect(flags).not.toContain('--state')
    expect(offered('k2', 'gaps', '--stat')).toEqual(['--state'])
    expect(offered('k2', 'start', '--http-p')).toEqual(['--http-port'])
  })

  test('a program that has flags of its own is offered no setting', () => {
    expect(offered('k2', 'bench', '--')).toEqual(['--help'])
  })

  test('values that are known, and files where there may be some', () => {
    expect(offered('k2', 'sql', 'SELECT', '--format', '')).toEqual([
      'table',
      'csv',
      'json',
      'ndjson'
    ])
    expect(offered('k2', 'sql', '--format', '=', 'c')).toEqual(['csv'])
    expect(offered('k2', 'sql', '--format', '=')).toContain('table')
    expect(offered('k2', 'level', 'inject', '--level', 'g')).toEqual(['graceful'])
    expect(offered('k2', 'load', 'trades', 'package.js')).toEqual(['package.json'])
    expect(offered('k2', 'doctor', 'package.js')).toEqual([])
  })
})

test('zsh and fish have a script, others are told which there are', async () => {
  expect((await k2('completion', 'zsh')).printed).toContain('bashcompinit')
  const { printed } = await k2('completion', 'fish')
  expect(printed).toContain(`complete -c k2 -f -n "__k2_at query" -a trades`)
  expect(printed).toContain(`complete -c k2 -n "__k2_in level inject" -l level -x`)
  // Words that begin with a dash are no flags of a command of fish's.
  expect(printed).not.toContain('string join "')
  expect(printed).toContain('complete -c k2 -n __k2_settings -l http-port -r')
  const { code, complaints } = await k2('completion', 'tcsh')
  expect([code, complaints.split('\n')[0]]).toEqual([2, 'name one shell of bash, zsh, fish'])
})
