import type { OrderMovement } from '@till/shared/movement';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { recordingLogger } from '../../../../../packages/shared/test/logging.ts';
import { type FakeShopify, startFakeShopify } from '../../../../../test/fakes/shopify.ts';
import type { Result } from '../core/types.ts';
import { createShopifySink } from './shopify.ts';
import type { Sink } from './sink.ts';
