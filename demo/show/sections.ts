/** The seven sections of the demonstration, twelve minutes in all, in their order. */
import { cost } from './sections/cost.ts'
import { hybrid } from './sections/hybrid.ts'
import { monitoring } from './sections/monitoring.ts'
import { positioning } from './sections/positioning.ts'
import { resilience } from './sections/resilience.ts'
import { storage } from './sections/storage.ts'
import { streaming } from './sections/streaming.ts'
import type { Section } from './step.ts'

export const sections: readonly Section[] = [
  positioning,
  streaming,
  storage,
  monitoring,
  resilience,
  hybrid,
  cost
]
