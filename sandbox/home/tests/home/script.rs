//! A broker of a few lines that does what mosquitto cannot be told to do: it throws out the first
//! connection with DISCONNECT 152, refuses the second with 135, and lets in every later one.

use std::io;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const CONNECT: u8 = 1;
const PUBLISH: u8 = 3;
const SUBSCRIBE: u8 = 8;

const LET_IN: [u8; 5] = [0x20, 3, 0, 0, 0];
const NOT_AUTHORISED: [u8; 5] = [0x20, 3, 0, 135, 0];
const THROWN_OUT: [u8; 4] = [0xe0, 2, 152, 0];

/// Starts it; the port.
pub(crate) async fn start() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        for number in 1.. {
            let (stream, _) = listener.accept().await.unwrap();
            // A client that goes away is no failure of this broker.
            let _: io::Result<()> = serve(stream, number).await;
        }
    });
    port
}

async fn serve(mut stream: TcpStream, number: u32) -> io::Result<()> {
    loop {
        let (kind, body) = packet(&mut stream).await?;
        match kind >> 4 {
            CONNECT if number == 2 => return stream.write_all(&NOT_AUTHORISED).await,
            CONNECT => stream.write_all(&LET_IN).await?,
            SUBSCRIBE => stream.write_all(&[0x90, 4, body[0], body[1], 0, 2]).await?,
            // Thrown out with its first record unacknowledged.
            PUBLISH if number == 1 => return stream.write_all(&THROWN_OUT).await,
            PUBLISH => {
                let topic = usize::from(u16::from_be_bytes([body[0], body[1]]));
                let id = [body[topic + 2], body[topic + 3]];
                stream.write_all(&[0x40, 2, id[0], id[1]]).await?;
            }
            _ => {}
        }
    }
}

/// The first byte and what follows the length.
async fn packet(stream: &mut TcpStream) -> io::Result<(u8, Vec<u8>)> {
    let kind = stream.read_u8().await?;
    let (mut length, mut shift) = (0, 0);
    loop {
        let byte = stream.read_u8().await?;
        length |= usize::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    Ok((kind, body))
}
