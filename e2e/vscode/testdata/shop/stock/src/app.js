const http = require('http');

function stock(name) {
  const pieces = 7 * name.length;
  const text = 'the stock of ' + name;
  return `${text} is ${pieces}`;
}

http.createServer((request, response) => {
  response.end(stock(new URL(request.url, 'http://stock').searchParams.get('name')));
}).listen(8080);
