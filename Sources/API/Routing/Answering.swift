// Answering.swift: what a handler needs of a connection; tests put a recording one in its place.
import Dispatch
import HTTP
import HTTPTypes

protocol Answering: AnyObject, Sendable {
    var queue: DispatchQueue { get }
    func respond(_ status: HTTPResponse.Status, _ fields: HTTPFields, body: [UInt8])
    func beginStream(_ status: HTTPResponse.Status, _ fields: HTTPFields)
    func write(_ bytes: [UInt8])
    func endStream()
    func onDisconnect(_ action: @escaping @Sendable () -> Void)
}

extension Exchange: Answering {}
