#!/usr/bin/env node
// with-smtp-server.js PORT COMMAND: node's smtp-server on 127.0.0.1, each
// message into COMMAND; for comparison only.
const { spawn } = require('child_process');
const { SMTPServer } = require('smtp-server');

const [port, command] = process.argv.slice(2);

function later() {
	return Object.assign(new Error('Later'), { responseCode: 451 });
}

new SMTPServer({
	name: 'mx.example.org',
	disabledCommands: ['AUTH', 'STARTTLS'],
	disableReverseLookup: true,
	onData(message, session, done) {
		const run = spawn(command, [], {
			stdio: ['pipe', 'ignore', 'ignore'],
		});
		run.on('error', () => done(later()));
		run.on('exit', status => done(status === 0 ? null : later()));
		message.pipe(run.stdin);
	},
}).listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 });
