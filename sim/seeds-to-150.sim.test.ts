import { sweep } from "./sweep.test-support.ts";

sweep(101, 150);
