#!/usr/bin/env node
/** `npx k2 <command>`: a program of its own where the command is one, else `src/cli/k2.ts`. */
import { pathToFileURL } from 'node:url'
import { builtPath, makeReady, startEntry } from './start-entry.mjs'

const [name, ...rest] = process.argv.slice(2)
makeReady()
const { programs } = await import(pathToFileURL(builtPath('src/cli/programs.ts')).href)
const program = programs.find((it) => it.name === name)
if (program === undefined) startEntry('src/cli/k2.ts', process.argv.slice(2))
else startEntry(program.entry, rest)
