// Runs graphql-http's audits of GraphQL over HTTP against the address that is given, and prints what each found.
import { serverAudits } from "graphql-http";

const [url] = process.argv.slice(2);
const found = [];
for (const audit of serverAudits({ url })) {
  const { id, name, status, reason = null } = await audit.fn();
  found.push({ id, name, status, reason });
}
console.log(JSON.stringify(found));
