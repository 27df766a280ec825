/** How the report looks, in light and dark, on paper and on a phone. */
export const reportStyle = `
:root { color-scheme: light dark; --ink: #1b1f24; --dim: #59636e; --paper: #fff; --line: #d1d9e0;
  --soft: #f6f8fa; --good: #1a7f37; --bad: #cf222e; --a: #0969da; --b: #1a7f37; --c: #bc4c00; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --dim: #9198a1; --paper: #0d1117;
  --line: #30363d; --soft: #151b23; --good: #3fb950; --bad: #f85149; --a: #58a6ff; --b: #3fb950;
  --c: #f0883e; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; }
main { max-width: 860px; margin: 0 auto; padding: 24px 20px 48px; }
h1 { margin: 0 0 4px; font-size: 30px; line-height: 1.2; }
h1.held { color: var(--good); }
h1.broken { color: var(--bad); }
h2 { margin: 32px 0 10px; font-size: 18px; }
header p, footer p { margin: 0; color: var(--dim); }
header .name { margin-bottom: 8px; }
small { color: var(--dim); font-size: 13px; }
table { width: 100%; border-collapse: collapse; }
td { padding: 6px 12px 6px 0; border-top: 1px solid var(--line); vertical-align: top; }
td:first-child { white-space: nowrap; font-variant-numeric: tabular-nums; }
tr.act td:last-child { font-weight: 600; }
tr.fault td:last-child { color: var(--bad); }
tr.mended td:last-child { color: var(--good); }
.verdict td:last-child { color: var(--dim); }
.badge { display: inline-block; min-width: 68px; padding: 0 8px; border: 1px solid;
  border-radius: 9px; font-size: 13px; text-align: center; }
.badge.held { color: var(--good); }
.badge.broken { color: var(--bad); font-weight: 600; }
.badge.not-tried { color: var(--dim); }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(180px, 1fr)); gap: 10px;
  margin: 0 0 14px; }
dl div { padding: 10px 12px; border-radius: 6px; background: var(--soft); }
dt { color: var(--dim); font-size: 13px; }
dd { margin: 0; font-size: 20px; font-variant-numeric: tabular-nums; }
dl p { margin: 0; color: var(--dim); font-size: 13px; line-height: 1.3; }
figure { margin: 0 0 14px; }
figcaption { margin-bottom: 2px; font-weight: 600; }
figcaption small { font-weight: 400; }
.legend { float: right; font-weight: 400; font-size: 13px; }
.legend span { margin-left: 12px; }
.legend span::before { content: "\\25AC "; }
.legend .a { color: var(--a); } .legend .b { color: var(--b); } .legend .c { color: var(--c); }
.faults { margin: 0 0 14px; padding: 0; list-style: none; color: var(--dim); font-size: 14px; }
.faults li::before { content: "\\2502 "; font-weight: 700; }
.faults .fault::before { color: var(--bad); }
.faults .mended::before { color: var(--good); }
.examples { color: var(--bad); }
svg { display: block; width: 100%; height: auto; }
svg text { fill: var(--dim); font: 11px system-ui, sans-serif; }
svg .grid { stroke: var(--line); stroke-width: 1; }
svg .mark { stroke: var(--c); stroke-width: 1; stroke-dasharray: 2 4; }
svg .fault { stroke: var(--bad); stroke-width: 1.5; stroke-dasharray: 5 3; }
svg .mended { stroke: var(--good); stroke-width: 1.5; stroke-dasharray: 5 3; }
svg .line { fill: none; stroke-width: 1.8; stroke-linejoin: round; }
svg .a { stroke: var(--a); } svg .b { stroke: var(--b); } svg .c { stroke: var(--c); }
footer { margin-top: 32px; border-top: 1px solid var(--line); padding-top: 12px; }
code { font-size: 13px; }
@media (max-width: 600px) {
  main { padding: 16px 14px 32px; }
  h1 { font-size: 24px; }
  dl { grid-template-columns: 1fr 1fr; }
  .wide { overflow-x: auto; }
  .verdict td { display: block; border-top: 0; padding: 2px 0; }
  .verdict td:first-child { border-top: 1px solid var(--line); padding-top: 8px; }
  .verdict td:last-child { padding-bottom: 8px; }
  figure { overflow-x: auto; }
  svg { min-width: 560px; }
  .legend { float: none; display: block; }
  .legend span { margin: 0 12px 0 0; }
}
@media print { section { break-inside: avoid; } }
`
