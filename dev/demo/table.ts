/** A table of text. A heading that begins with ">" aligns its column to the right. */

const GAP = '  '
/** However narrow the terminal, the last column keeps so much of its text. */
const MIN_LAST_WIDTH = 8

/** With a width, the last column is cut to fit it. */
export function renderTable(head: readonly string[], rows: readonly (readonly string[])[], width?: number): string {
  const names = head.map((name) => name.replace(/^>/, ''))
  const widths = names.map((name, column) => Math.max(name.length, ...rows.map((row) => row[column]?.length ?? 0)))
  if (width !== undefined) {
    const others = widths.slice(0, -1).reduce((sum, each) => sum + each + GAP.length, 0)
    widths[widths.length - 1] = Math.max(MIN_LAST_WIDTH, Math.min(widths.at(-1) ?? 0, width - others))
  }
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => {
        const room = widths[column] ?? 0
        if (cell.length > room) return `${cell.slice(0, room - 1)}…`
        return head[column]?.startsWith('>') ? cell.padStart(room) : cell.padEnd(room)
      })
      .join(GAP)
      .trimEnd()
  const rule = widths.map((each) => '─'.repeat(each)).join(GAP)
  return [line(names), rule, ...rows.map(line)].join('\n')
}
