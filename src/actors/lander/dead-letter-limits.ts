/** Size of each dead-letter log: the feeds' and the lander's. */
export const deadLetterFileBytesMax = 8 * 1_024 * 1_024
export const deadLetterBytesMax = 64 * 1_024 * 1_024
