from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlparse


def price(name):
    cents = 7 * len(name)
    text = "the price of " + name
    return "%s is %d" % (text, cents)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        name = parse_qs(urlparse(self.path).query)["name"][0]
        self.send_response(200)
        self.end_headers()
        self.wfile.write(price(name).encode())


HTTPServer(("", 8080), Handler).serve_forever()
