/** Java programs from their Maven artefacts, on the machine's Java. */
import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { cached, cacheRoot } from './cache.ts'
import { debianPackage, ensureDebianPackages } from './debian-packages.ts'
import { withInstallLock } from './install-lock.ts'
import { runProgram } from './run-program.ts'

const plugin = 'org.apache.maven.plugins:maven-dependency-plugin'
const copyJars = `${plugin}:3.8.1:copy-dependencies`
// Later versions also want the parents of what is complete in itself, which not every mirror has.
const unpackArchive = `${plugin}:2.8:unpack`

export const java = '/usr/bin/java'
export const javaPackage = 'openjdk-17-jre-headless'

/** The folder with all jars of a project file in `maven/`, fetched once for each content of it. */
export const ensureJars = async (name: string): Promise<string> => {
  const pomFile = join(import.meta.dirname, '..', 'maven', `${name}.pom.xml`)
  const pom = await readFile(pomFile)
  const hash = createHash('sha256').update(pom).digest('hex').slice(0, 12)
  return fetched(`${name}-${hash}`, async (folder) => {
    // Maven makes folders of its own beside it.
    await writeFile(join(folder, 'pom.xml'), pom)
    return [copyJars, '-DincludeScope=runtime', `-DoutputDirectory=${folder}`]
  })
}

/** The folder with the content of an archive that has all it needs in it. */
export const ensureArchive = async (artifact: string): Promise<string> => {
  const name = artifact.split(':').slice(1, 3).join('-')
  return fetched(name, async (folder) => [
    unpackArchive,
    `-Dartifact=${artifact}`,
    `-DoutputDirectory=${folder}`
  ])
}

const fetched = async (
  name: string,
  goal: (folder: string) => Promise<readonly string[]>
): Promise<string> => {
  await ensureDebianPackages([debianPackage(javaPackage, java)])
  return cached(name, async (folder) => {
    await ensureDebianPackages([debianPackage('maven', '/usr/bin/mvn')])
    const args = ['-q', '-B', '-Dstyle.color=never', ...(await goal(folder))]
    // Two at a time could read what the other is writing into Maven's repository.
    await withInstallLock(join(cacheRoot(), 'maven.lock'), async () =>
      runProgram({
        program: 'mvn',
        args,
        // Where its project file is, or none that it would take for its own.
        cwd: folder,
        failure: `the artefacts of ${name} cannot be fetched`
      })
    )
  })
}
