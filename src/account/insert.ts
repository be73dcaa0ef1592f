/**
 * Inserts one row. Most columns of most rows are NULL or 0, and handing a value to SQLite costs more than storing it
 * (half a microsecond each, measured), so those two are written into the statement. It has few forms, because rows of
 * one kind have theirs in the same places.
 */
/** More forms than this nothing has; if that were wrong, they would be written anew now and then. */
const MAX_FORMS = 500

export function inserter(table: string, columns: readonly string[]) {
  const into = `INSERT INTO ${table} (${columns.join(', ')}) VALUES`
  // By which columns are NULL and which 0. The runtime finds a prepared statement fastest by the same string object.
  const forms = new Map<number, string>()
  return (sql: SqlStorage, values: readonly SqlStorageValue[]): void => {
    const bound: SqlStorageValue[] = []
    let form = 0
    for (const value of values) {
      form *= 3
      if (value === null) form += 1
      else if (value === 0) form += 2
      else bound.push(value)
    }
    let statement = forms.get(form)
    if (statement === undefined) {
      statement = `${into} (${values.map(literal).join(', ')})`
      if (forms.size === MAX_FORMS) forms.clear()
      forms.set(form, statement)
    }
    sql.exec(statement, ...bound)
  }
}

function literal(value: SqlStorageValue): string {
  if (value === null) return 'NULL'
  return value === 0 ? '0' : '?'
}
