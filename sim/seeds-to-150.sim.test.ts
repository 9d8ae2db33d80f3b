import { breakNoRule } from "./sweep.test-support.ts";

breakNoRule(101, 150);
