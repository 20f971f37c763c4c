import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/setup.ts'],
    // Some tests run the compiler, on machines that are busy with other tests.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // A test that cannot fail is a defect, and so is a file without one.
    expect: { requireAssertions: true },
    passWithNoTests: false,
  },
});
