import { PAGE_CERTIFICATE_DEFAULTS } from "../../../components/ingress/args";
import { PagePki } from "../../../components/ingress/page-pki";
import { allRegistered, recordResources } from "../../support/mocks";

async function made(authorityGeneration: number) {
  const seen = recordResources();
  new PagePki("pages", {
    certificates: { ...PAGE_CERTIFICATE_DEFAULTS, authorityGeneration },
    domain: "lab.home.arpa",
    names: ["grafana.lab.home.arpa"],
  });
  await allRegistered();
  return Object.fromEntries(seen.map(({ name, inputs }) => [name, inputs]));
}

test("the authority of the pages is another one with each generation; the first has the names that it always had", async () => {
  const [first, second] = [await made(1), await made(2)];
  expect(Object.keys(first)).toEqual(expect.arrayContaining(["pages-authority-key", "pages-authority", "pages-certificate"]));
  expect(first["pages-authority"].subject.commonName).toBe("Home Lab authority for lab.home.arpa");
  expect(second["pages-authority"]).toBeUndefined();
  expect(second["pages-authority-g2"].subject.commonName).toBe("Home Lab authority 2 for lab.home.arpa");
  expect(second["pages-certificate"].caCertPem).toBe("certificate of pages-authority-g2");
});
