/** What a running K2 tells of itself: `/v1/system/history` and `/v1/system/watch`. */
export type {
  Episode,
  LevelChange,
  PressureSignal,
  WatchActor,
  WatchDegradation,
  WatchEdge,
  WatchEdgeCount,
  WatchFrame,
  WatchMachine,
  WatchMark,
  WatchSeries,
  WatchState,
  WatchTransition
} from '../client/api-types.ts'
