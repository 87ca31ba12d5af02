/** Where things are. Relative paths in settings count from the project, so that every command means the same folder. */
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Config } from '@till/shared/config';

/** The folder that holds package.json. */
export const projectFolder = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

export const dataFolder = (config: Pick<Config, 'dataDir'>): string => resolve(projectFolder, config.dataDir);

/** What a service writes to its standard output and error. */
export const logFolder = (config: Pick<Config, 'dataDir'>): string => resolve(dataFolder(config), 'logs');

/** A tool or runtime that the project brings. */
export const tool = (name: string): string => resolve(projectFolder, 'node_modules/.bin', name);
