import { sweep } from "./sweep.test-support.ts";

sweep(1, 100);
