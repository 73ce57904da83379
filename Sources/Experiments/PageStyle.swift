extension ExperimentPage {
  static let style = """
    :root { color-scheme: light dark; --ink: #222222; --muted: #595959; --ground: #ffffff; \
    --line: #dddddd; --soft: #f5f5f5; --warning: #8a5a00; }
    @media (prefers-color-scheme: dark) { :root { --ink: #e8e8e8; --muted: #a8a8a8; \
    --ground: #161616; --line: #3a3a3a; --soft: #222222; --warning: #f5b83d; } }
    body { margin: 0; background: var(--ground); color: var(--ink); \
    font: 15px/1.5 system-ui, "Helvetica Neue", Arial, sans-serif; }
    main { max-width: 1080px; margin: 0 auto; padding: 24px 20px 60px; }
    h1 { font-size: 26px; line-height: 1.25; margin: 0 0 8px; }
    h2 { font-size: 19px; margin: 32px 0 10px; }
    summary h2 { display: inline; }
    summary { cursor: pointer; margin: 12px 0; }
    .muted { color: var(--muted); }
    .warning { color: var(--warning); }
    dl { display: grid; grid-template-columns: max-content 1fr; gap: 0 14px; font-size: 14px; }
    dd { margin: 0; }
    .charts { display: flex; flex-wrap: wrap; gap: 12px; }
    figure { margin: 0; }
    figure svg { max-width: 100%; height: auto; }
    .table { overflow-x: auto; }
    table { border-collapse: collapse; font-size: 14px; }
    th, td { text-align: left; padding: 4px 14px 4px 0; border-bottom: 1px solid var(--line); \
    vertical-align: top; white-space: nowrap; }
    .number { text-align: right; font-variant-numeric: tabular-nums; }
    pre { background: var(--soft); padding: 10px 12px; overflow-x: auto; font-size: 13px; }
    code { font-family: ui-monospace, "DejaVu Sans Mono", monospace; }
    """
}
