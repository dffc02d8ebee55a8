import ts from "typescript";

/** What a library's declarations say of the arguments of its components and functions. */
export interface ArgumentTypes {
  /** How many values there are that take an output. */
  inputs: number;
  /** Path and type of each that takes none: `MaasRegionArgs.vmHosts[].name: string`. */
  plain: readonly { path: string; type: string }[];
}

const NO_LEAF = ts.TypeFlags.Undefined | ts.TypeFlags.Null | ts.TypeFlags.Unknown;
const LEAF = ts.TypeFlags.StringLike | ts.TypeFlags.NumberLike | ts.TypeFlags.BooleanLike;

/** Walks through the parameter `args` of each exported function, and of the constructor of each exported class. */
export function argumentTypes(declarations: string, typeRoots: readonly string[]): ArgumentTypes {
  const { Node16 } = ts.ModuleKind;
  const options = { strict: true, exactOptionalPropertyTypes: true, module: Node16, types: ["node"], typeRoots: [...typeRoots] };
  const program = ts.createProgram([declarations], options);
  const checker = program.getTypeChecker();
  const plain = new Map<string, string>();
  let inputs = 0;

  function walk(type: ts.Type, path: string, above: readonly ts.Type[]): void {
    const variants = (type.isUnion() ? type.types : [type]).filter(({ flags }) => !(flags & NO_LEAF));
    // `Input<T>` is a union with Output<T>.
    if (variants.some(({ symbol }) => symbol?.name === "OutputInstance")) {
      inputs++;
      return;
    }
    for (const each of variants.filter((variant) => !above.includes(variant))) {
      if (each.flags & LEAF) {
        plain.set(path, checker.typeToString(type));
      } else if (checker.isArrayType(each) || checker.isTupleType(each)) {
        for (const entry of checker.getTypeArguments(each as ts.TypeReference)) {
          walk(entry, `${path}[]`, [...above, each]);
        }
      } else if (!isOpaque(each)) {
        for (const property of checker.getPropertiesOfType(each)) {
          walk(checker.getTypeOfSymbol(property), `${path}.${property.name}`, [...above, each]);
        }
        for (const index of checker.getIndexInfosOfType(each)) {
          walk(index.type, `${path}.*`, [...above, each]);
        }
      }
    }
  }

  const module = checker.getSymbolAtLocation(program.getSourceFile(declarations) as ts.SourceFile) as ts.Symbol;
  for (const exported of checker.getExportsOfModule(module)) {
    const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
    const type = checker.getTypeOfSymbol(symbol);
    const [signature] = [...type.getConstructSignatures(), ...type.getCallSignatures()];
    const args = signature?.getParameters().find(({ name }) => name === "args");
    if (args) {
      const taken = checker.getTypeOfSymbol(args);
      walk(taken, taken.symbol.name, []);
    }
  }
  return { inputs, plain: [...plain].map(([path, type]) => ({ path, type })) };
}

/** Functions, secrets, what `imagesOf` makes, and classes of other packages, such as resources. */
function isOpaque(type: ts.Type): boolean {
  const file = type.symbol?.declarations?.[0]?.getSourceFile().fileName ?? "";
  return (
    type.getCallSignatures().length > 0 ||
    type.isClass() ||
    /^(Secret|Images)$/.test(type.symbol?.name ?? "") ||
    /node_modules\/@pulumi\//.test(file)
  );
}
