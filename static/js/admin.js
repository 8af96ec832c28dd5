// Behavior of the admin's pages, which have their own scripts otherwise.

import { startConfirming } from "./confirm.js";

startConfirming();
