/// Charts on a page of their own, for a browser.
public enum ChartPage {
  /// A complete HTML document that needs nothing else.
  ///
  /// - Parameters:
  ///   - title: In the browser's title bar.
  ///   - charts: SVG documents, one under the other.
  public static func html(title: String, charts: [String]) -> String {
    """
    <!DOCTYPE html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>\(SVGElement.escaped(title))</title>
    <style>
    body { margin: 1.5rem; }
    @media (prefers-color-scheme: dark) { body { background: #16181c; } }
    figure { margin: 0 0 2rem; overflow-x: auto; }
    </style>
    </head>
    <body>
    \(charts.map { "<figure>\n\($0)</figure>" }.joined(separator: "\n"))
    </body>
    </html>

    """
  }
}
