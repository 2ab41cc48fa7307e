// Prints what the TypeScript compiler says that calls run; run by `bench.source.calls`.
const path = require('node:path')
const fs = require('node:fs')
const ts = require(path.join(process.argv[2], 'typescript'))

const root = process.argv[3]
const files = new Set(
  fs.readFileSync(0, 'utf8').split('\n').filter(Boolean).map((line) => path.join(root, JSON.parse(line)[0])),
)
const config = path.join(root, 'tsconfig.json')
const found = fs.existsSync(config) ? ts.readConfigFile(config, ts.sys.readFile).config : {}
const parsed = ts.parseJsonConfigFileContent({ ...found, files: [], include: [] }, ts.sys, root).options
const options = { ...parsed, allowJs: true, checkJs: false, noEmit: true, skipLibCheck: true, types: [] }
options.moduleResolution ??= ts.ModuleResolutionKind.Node10
options.module ??= ts.ModuleKind.CommonJS
options.target ??= ts.ScriptTarget.ES2022
const program = ts.createProgram([...files], options)
const checker = program.getTypeChecker()

for (const source of program.getSourceFiles()) {
  if (files.has(source.fileName)) visit(source, source)
}

function visit(node, source) {
  if (ts.isCallExpression(node) || ts.isNewExpression(node)) tell(node, source)
  ts.forEachChild(node, (child) => visit(child, source))
}

function tell(node, source) {
  const target = node.expression
  const name = ts.isIdentifier(target) ? target : ts.isPropertyAccessExpression(target) ? target.name : undefined
  if (!name) return
  let symbol = checker.getSymbolAtLocation(name)
  if (symbol && symbol.flags & ts.SymbolFlags.Alias) symbol = checker.getAliasedSymbol(symbol)
  const declared = (symbol?.declarations ?? []).filter(isDefinition)
  if (declared.length === 0) return
  const places = new Map()
  for (const one of declared) places.set(one.getSourceFile().fileName, one)
  if (places.size !== 1) return
  const first = declared.find((one) => one.body) ?? declared[0]
  const file = first.getSourceFile()
  const inside = !path.relative(root, file.fileName).startsWith('..') && !file.fileName.includes('node_modules')
  const line = (position) => file.getLineAndCharacterOfPosition(position).line + 1
  console.log(
    JSON.stringify({
      path: path.relative(root, source.fileName),
      line: source.getLineAndCharacterOfPosition(node.getStart()).line + 1,
      name: name.text,
      to: inside ? path.relative(root, file.fileName) : '',
      first: line(first.getStart()),
      last: line((first.name ?? first).getStart()),
      abstract: false,
    }),
  )
}

function isDefinition(node) {
  if (ts.isVariableDeclaration(node) || ts.isPropertyDeclaration(node) || ts.isPropertyAssignment(node)) {
    const value = node.initializer
    return Boolean(value) && (ts.isFunctionLike(value) || ts.isClassLike(value))
  }
  if (ts.isBinaryExpression(node)) return ts.isFunctionLike(node.right) || ts.isClassLike(node.right)
  if (ts.isPropertyAccessExpression(node) && ts.isBinaryExpression(node.parent)) return isDefinition(node.parent)
  return ts.isFunctionLike(node) || ts.isClassLike(node)
}
