/** Once, before all tests: the built sources are those of the tree. */
import { ensureBuilt } from '../../scripts/build.mjs'

export const setup = (): void => ensureBuilt()
