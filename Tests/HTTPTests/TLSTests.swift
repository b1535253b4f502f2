// TLSTests.swift: TLS with a certificate made here and the openssl command as client.

import Foundation
import HTTPTypes
import Testing

@testable import HTTP

private func request(_ server: TestServer, _ text: String, _ options: [String] = []) -> String {
    let arguments = ["s_client", "-quiet", "-connect", "127.0.0.1:\(server.port)"] + options
    return run("openssl", arguments, input: Array(text.utf8)).map {
        String(decoding: $0.output, as: UTF8.self)
    } ?? ""
}

private let closing = "GET /secret HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

@Test(TestCertificate.isPossible, arguments: ["-tls1_2", "-tls1_3"]) func `a request travels through TLS`(version: String)
    throws
{
    let certificate = try #require(TestCertificate())
    let server = try TestServer(configure: { $0.tls = certificate.configuration }) {
        request, exchange in
        #expect(request.isSecure && request.head.scheme == "https")
        TestServer.echo(request, exchange)
    }
    let answer = request(server, closing, [version, "-alpn", "h2,http/1.1"])
    #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n"))
    #expect(answer.hasSuffix("GET /secret - "))
}

@Test(TestCertificate.isPossible) func `TLS 1.1 and a client without http 1.1 are refused`() throws {
    let certificate = try #require(TestCertificate())
    let server = try TestServer(configure: { $0.tls = certificate.configuration })
    #expect(request(server, closing, ["-tls1_1"]).isEmpty)
    #expect(request(server, closing, ["-alpn", "h2"]).isEmpty)
    #expect(request(server, closing).hasSuffix("GET /secret - "))
}

@Test(TestCertificate.isPossible) func `a large body comes and goes through TLS whole`() throws {
    let certificate = try #require(TestCertificate())
    let server = try TestServer(configure: { $0.tls = certificate.configuration })
    let body = (0..<200_000).map { "\($0) " }.joined()
    let answer = request(
        server,
        "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
            + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
    )
    #expect(answer.hasSuffix("\r\n\r\nPOST / - " + body))
}

@Test(TestCertificate.isPossible) func `a stream travels through TLS`() throws {
    let certificate = try #require(TestCertificate())
    let server = try TestServer(configure: { $0.tls = certificate.configuration }) { _, exchange in
        DispatchQueue.global().async {
            exchange.beginStream(.ok, [:])
            for index in 0..<100 { exchange.write(Array("<\(index)>".utf8)) }
            exchange.endStream()
        }
    }
    let answer = request(server, closing)
    #expect(answer.contains("\r\n<0>\r\n"))
    #expect(answer.hasSuffix("\r\n<99>\r\n0\r\n\r\n"))
}

@Test(TestCertificate.isPossible) func `a client that speaks plainly to TLS is closed, as is one that says nothing`() throws {
    let certificate = try #require(TestCertificate())
    let server = try TestServer(configure: {
        $0.tls = certificate.configuration
        $0.limits.handshakeSecondsMax = 0.3
    })
    let plain = try server.client()
    plain.send(closing)
    #expect(!String(decoding: try plain.readToEnd(), as: UTF8.self).contains("HTTP"))
    let silent = try server.client()
    #expect(try silent.isEnded())
    #expect(eventually { server.server.connectionCount == 0 })
}

@Test(TestCertificate.isPossible) func `unusable certificates and keys are refused with the file's name`() throws {
    let one = try #require(TestCertificate())
    let other = try #require(TestCertificate())
    func failure(_ certificateFile: String, _ privateKeyFile: String) -> TLSError? {
        do throws(TLSError) {
            _ = try TLSContext(
                TLSConfiguration(certificateFile: certificateFile, privateKeyFile: privateKeyFile))
            return nil
        } catch {
            return error
        }
    }
    let (certificate, key) = (one.configuration.certificateFile, one.configuration.privateKeyFile)
    #expect(failure(certificate, key) == nil)
    #expect(failure("/nowhere", key)?.description.contains("'/nowhere'") == true)
    #expect(failure(certificate, "/nowhere")?.description.contains("'/nowhere'") == true)
    #expect(failure(key, key)?.description.contains("certificate '\(key)'") == true)
    let foreign = other.configuration.privateKeyFile
    #expect(
        failure(certificate, foreign)
            == .privateKeyOfOtherCertificate(certificateFile: certificate, privateKeyFile: foreign))
}
