/** Java programs from their Maven artefacts, on the machine's Java. */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { cached } from './cache.ts'
import { debianPackage, ensureDebianPackages } from './debian-packages.ts'
import { runProgram } from './run-program.ts'

const plugin = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1'

export const java = '/usr/bin/java'

/** The folder with all jars of a project file in `maven/`, fetched once for each content. */
export const ensureJars = async (name: string): Promise<string> => {
  const pomFile = join(import.meta.dirname, '..', 'maven', `${name}.pom.xml`)
  const hash = createHash('sha256').update(await readFile(pomFile)).digest('hex').slice(0, 12)
  await ensureDebianPackages([debianPackage('openjdk-17-jre-headless', java)])
  return cached(`${name}-${hash}`, async (folder) => {
    await ensureDebianPackages([debianPackage('maven', '/usr/bin/mvn')])
    await runProgram({
      program: 'mvn',
      args: [
        '-q',
        '-B',
        '-f',
        pomFile,
        `${plugin}:copy-dependencies`,
        '-DincludeScope=runtime',
        `-DoutputDirectory=${folder}`
      ],
      failure: `the artefacts of ${pomFile} cannot be fetched`
    })
  })
}
