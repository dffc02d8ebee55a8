import { main } from "../protocol";
import { provider } from "./provider";

main(provider);
