// Types for the operations, made from the committed schema into the folder where it is run.
import { join } from "node:path";

const here = import.meta.dirname;

export default {
  schema: join(here, "../../schema/schema.graphql"),
  documents: join(here, "operations/*.graphql"),
  generates: {
    "operations.ts": {
      plugins: ["typescript-operations", "typed-document-node"],
      config: {
        strictScalars: true,
        enumType: "string-literal",
        useTypeImports: true,
        scalars: { BigInt: "number", DateTime: "string", Decimal: "string", JSON: "unknown" },
      },
    },
  },
};
