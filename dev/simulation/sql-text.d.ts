/** Migrations are imported as text. */
declare module '*.sql' {
  const text: string
  // biome-ignore lint/style/noDefaultExport: what the Worker's bundler makes of a text file.
  export default text
}
