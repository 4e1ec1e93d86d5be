const net = require('net'); // mark: first

function greet(name) {
  const twice = 2 * name.length;
  const text = "hello " + name; // mark: greet
  return text + ', ' + twice; // mark: answer
}

function refuse(name) {
  try {
    throw new TypeError(name); // mark: refuse
  } catch {
    return 'refused';
  }
}

function answer(name) {
  if (name === 'crash') process.kill(process.pid, 'SIGKILL');
  return name === 'bad' ? refuse(name) : greet(name);
}

const server = net.createServer((conn) => {
  let line = '';
  conn.setEncoding('utf8').on('error', () => {}).on('data', (text) => {
    line += text;
    if (line.includes('\n')) conn.end(answer(line.trim()) + '\n');
  });
});
server.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () => console.log('listens on', server.address().port));
