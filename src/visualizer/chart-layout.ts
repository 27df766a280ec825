/** Places of states and arrows, found by ELK in a worker of its own. */
import type { ELK as Elk, ElkExtendedEdge, ElkNode, ElkPoint } from 'elkjs/lib/elk-api.js'
import type { Chart, ChartEdge, ChartState } from './chart-model.ts'

export interface Box {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

interface PlacedEdge {
  readonly edge: ChartEdge
  readonly points: readonly ElkPoint[]
  readonly label: Box
}

export interface PlacedChart {
  readonly chart: Chart
  readonly width: number
  readonly height: number
  /** By path. */
  readonly states: ReadonlyMap<string, { readonly state: ChartState; readonly box: Box }>
  readonly edges: readonly PlacedEdge[]
}

export const lineHeight = 13
const characterWidth = 6.6
const padding = 14

/** The page loads it as a script: it is no module. */
declare const ELK: new (options: { readonly workerUrl: string }) => Elk
let engine: Elk | undefined

export const placed = async (chart: Chart): Promise<PlacedChart> => {
  engine ??= new ELK({ workerUrl: '/page/elk-worker.js' })
  const root: ElkNode = await engine.layout<ElkNode>({
    id: 'chart',
    layoutOptions: {
      'elk.algorithm': 'layered',
      'elk.direction': 'RIGHT',
      'elk.hierarchyHandling': 'INCLUDE_CHILDREN',
      'elk.edgeRouting': 'POLYLINE',
      'elk.layered.spacing.nodeNodeBetweenLayers': '26',
      'elk.spacing.nodeNode': '20',
      'elk.spacing.edgeLabel': '4',
      'elk.json.edgeCoords': 'ROOT',
      'elk.json.shapeCoords': 'ROOT'
    },
    children: chart.root.children.map(nodeOf),
    edges: chart.edges.filter(({ from }) => from !== '').map(edgeOf)
  })
  return {
    chart,
    width: root.width ?? 0,
    height: root.height ?? 0,
    states: new Map(placedStates(chart.root.children, root.children ?? [])),
    edges: (root.edges ?? []).flatMap((edge) => placedEdge(chart, edge))
  }
}

export const linesOf = (ways: ChartEdge['ways']): readonly string[] =>
  ways.flatMap(({ lines }) => lines)

const textWidth = (texts: readonly string[]): number =>
  Math.max(0, ...texts.map((text) => text.length)) * characterWidth

const nodeOf = ({ path, label, type, children }: ChartState): ElkNode => {
  const width = textWidth([label]) + 2 * padding + (type === 'final' ? 10 : 0)
  return {
    id: path,
    width: Math.max(64, width),
    height: 2 * padding + 14,
    ...(children.length === 0
      ? {}
      : {
          children: children.map(nodeOf),
          layoutOptions: { 'elk.padding': '[top=34,left=14,bottom=14,right=14]' }
        })
  }
}

const edgeOf = ({ id, from, to, ways }: ChartEdge): ElkExtendedEdge => ({
  id,
  sources: [from],
  targets: [to],
  labels: [
    {
      id: `label ${id}`,
      text: id,
      // Room for how often it was taken, too.
      width: textWidth(linesOf(ways)) * 0.86 + 30,
      height: linesOf(ways).length * lineHeight
    }
  ]
})

function* placedStates(
  states: readonly ChartState[],
  nodes: readonly ElkNode[]
): Generator<[string, { state: ChartState; box: Box }]> {
  for (const state of states) {
    const node = nodes.find(({ id }) => id === state.path)
    if (node === undefined) continue
    yield [state.path, { state, box: boxOf(node) }]
    yield* placedStates(state.children, node.children ?? [])
  }
}

const placedEdge = ({ edges }: Chart, placed: ElkExtendedEdge): readonly PlacedEdge[] => {
  const edge = edges.find(({ id }) => id === placed.id)
  const section = placed.sections?.[0]
  if (edge === undefined || section === undefined) return []
  const points = [section.startPoint, ...(section.bendPoints ?? []), section.endPoint]
  return [{ edge, points, label: boxOf(placed.labels?.[0] ?? {}) }]
}

const boxOf = ({ x = 0, y = 0, width = 0, height = 0 }: Partial<Box>): Box => ({
  x,
  y,
  width,
  height
})
