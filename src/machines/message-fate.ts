/**
 * What happens to messages for a child that is down, as checked data. A message meets its fate when
 * the child is not known to run: while it starts, backs off, waits, stands by or is quarantined.
 *
 * Invariant: every fate is bounded, and each message has exactly one: sent = delivered + dropped +
 * stashed now + spilled + rejected.
 */

/** What gives way when a stash is full; `reject` tells the sender of the newest. */
type StashOverflow = 'drop_oldest' | 'drop_newest' | 'reject'

export type MessageFate =
  /** Forgotten and counted: right for what is repeated anyway. */
  | { readonly kind: 'drop' }
  /** The sender is told, and decides. */
  | { readonly kind: 'reject' }
  /** Kept in memory, in order, and delivered once the child has started. */
  | { readonly kind: 'stash'; readonly messagesMax: number; readonly overflow: StashOverflow }
  /** Handed to the spill port of the spec's owner, which confirms; refused there is rejected. */
  | { readonly kind: 'spill' }

export const fateDefault: MessageFate = { kind: 'drop' }

const stashMessagesMax = 100_000

export const fateFaults = (fate: MessageFate): ReadonlyArray<string> => {
  if (fate.kind !== 'stash') return []
  const { messagesMax } = fate
  return Number.isInteger(messagesMax) && messagesMax >= 1 && messagesMax <= stashMessagesMax
    ? []
    : [`fate.messagesMax must be a whole number from 1 to ${stashMessagesMax}`]
}
