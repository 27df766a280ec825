/**
 * Settings of a K2 that is to behave alike on any machine: how fast its event loop turns, and how
 * much memory the process of the tests has, are the machine's and no pressure.
 */
const off = 'off,off,off,off'

export const unhurried = {
  K2_DEGRADATION_LOOP_DELAY_ENTER: off,
  K2_DEGRADATION_LOOP_DELAY_LEAVE: off,
  K2_DEGRADATION_RESIDENT_ENTER: off,
  K2_DEGRADATION_RESIDENT_LEAVE: off
} as const
