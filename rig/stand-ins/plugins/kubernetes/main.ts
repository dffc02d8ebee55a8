import versions from "../../../../versions.json";
import { main } from "../protocol";
import { KubernetesProvider } from "./provider";

void main(new KubernetesProvider(versions.pulumi.plugins.kubernetes));
