import { describeFolder } from './folder.js';

describeFolder('embedded', {});
