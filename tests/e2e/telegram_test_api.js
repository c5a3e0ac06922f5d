// Starts the npm package telegram-test-api on a port of the loopback that the kernel chose,
// prints "port N", and ends when its standard input does.
//   node telegram_test_api.js FOLDER-OF-THE-PACKAGE
'use strict';

const net = require('net');

const TelegramServer = require(process.argv[2]);

const probe = net.createServer();
probe.listen(0, '127.0.0.1', () => {
  const { port } = probe.address();
  probe.close(async () => {
    await new TelegramServer({ host: '127.0.0.1', port }).start();
    console.log(`port ${port}`);
    process.stdin.on('end', () => process.exit(0));
    process.stdin.resume();
  });
});
